-- Claim expiries that nobody has tried yet: whoever inserts the attempt has it until the lease ends.
-- A row that a projector is just changing is left for the next time.
WITH due AS (
    SELECT c.bucket, c.member_id, c.license_id, c.ends_at AS due_at
      FROM {renewal_calendar} c
      LEFT JOIN job_attempt a ON (a.bucket, a.member_id, a.license_id, a.kind, a.due_at)
                               = (c.bucket, c.member_id, c.license_id, 'expire', c.ends_at)
     WHERE c.active AND c.ends_at <= %(now)s AND c.ends_at >= %(after)s
       AND (a.bucket IS NULL OR a.outcome = 'superseded')
     ORDER BY c.ends_at LIMIT %(limit)s
       FOR UPDATE OF c SKIP LOCKED
)
INSERT INTO job_attempt AS j
       (bucket, member_id, license_id, kind, due_at, attempts, next_attempt_at, claimed, worker)
SELECT bucket, member_id, license_id, 'expire', due_at, 1, %(lease)s, true, %(worker)s FROM due
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id, kind, due_at) DO UPDATE
   SET attempts = j.attempts + 1, next_attempt_at = excluded.next_attempt_at, claimed = true,
       worker = excluded.worker, outcome = NULL, finished_at = NULL, last_error = NULL
 WHERE j.outcome = 'superseded'
RETURNING bucket, member_id, license_id, kind, due_at, attempts
