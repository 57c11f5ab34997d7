-- Record what became of obligations, those of them that are still in this worker's hands.
-- What was in the way of one that took several attempts stays to be read.
WITH told AS (
    SELECT * FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
           (bucket integer, member_id text, license_id text, kind text, due_at timestamptz,
            attempts integer, outcome text, error text)
), done AS (
    UPDATE job_attempt j
       SET outcome = told.outcome, last_error = coalesce(told.error, j.last_error),
           finished_at = %(now)s, claimed = false
      FROM told
     WHERE (j.bucket, j.member_id, j.license_id, j.kind, j.due_at)
         = (told.bucket, told.member_id, told.license_id, told.kind, told.due_at)
       AND j.attempts = told.attempts AND j.outcome IS NULL
    RETURNING j.kind, j.outcome
)
INSERT INTO job_tally AS t (kind, outcome, hour, count)
SELECT kind, outcome, date_trunc('hour', clock_timestamp(), 'UTC'), count(*)
  FROM done GROUP BY kind, outcome ORDER BY kind, outcome
ON CONFLICT (kind, outcome, hour) DO UPDATE SET count = t.count + excluded.count
