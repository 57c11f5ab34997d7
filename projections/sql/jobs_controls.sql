-- What a person said about each kind of job: whether it rests, and how many a second at most.
SELECT kind, paused_at, paused_by, reason, per_second FROM job_control ORDER BY kind DESC
