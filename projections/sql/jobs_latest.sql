-- When the last obligation of each kind was finished, and how many were in the last minute.
SELECT k.kind,
       (SELECT max(finished_at) FROM job_attempt WHERE finished_at IS NOT NULL AND kind = k.kind
           AND finished_at > %(now)s - interval '1 day'),
       (SELECT count(*) FROM job_attempt WHERE finished_at > %(now)s - interval '1 minute'
           AND kind = k.kind)
  FROM (VALUES ('renew'), ('expire')) AS k (kind)
