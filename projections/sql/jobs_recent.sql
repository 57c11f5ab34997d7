-- The latest attempts: open ones first, then the last that finished.
(SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
        finished_at, lost, worker
   FROM job_attempt WHERE outcome IS NULL ORDER BY next_attempt_at DESC LIMIT %(limit)s)
UNION ALL
(SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
        finished_at, lost, worker
   FROM job_attempt WHERE finished_at IS NOT NULL ORDER BY finished_at DESC LIMIT %(limit)s)
LIMIT %(limit)s
