-- Claim due renewals for one attempt: whoever inserts or moves the attempt has it until the lease ends.
WITH due AS (
    SELECT c.bucket, c.member_id, c.license_id, c.renew_at AS due_at
      FROM renewal_calendar c
      LEFT JOIN job_attempt a ON (a.bucket, a.member_id, a.license_id, a.kind, a.due_at)
                               = (c.bucket, c.member_id, c.license_id, 'renew', c.renew_at)
     WHERE c.active AND c.renew_at <= %(now)s AND c.ends_at > %(now)s
       AND a.outcome IS NULL AND coalesce(a.next_attempt_at, c.renew_at) <= %(now)s
     ORDER BY c.renew_at LIMIT %(limit)s
       FOR UPDATE OF c SKIP LOCKED
)
INSERT INTO job_attempt AS j
       (bucket, member_id, license_id, kind, due_at, attempts, next_attempt_at)
SELECT bucket, member_id, license_id, 'renew', due_at, 1, %(lease)s FROM due
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id, kind, due_at) DO UPDATE
   SET attempts = j.attempts + 1, next_attempt_at = excluded.next_attempt_at
 WHERE j.outcome IS NULL AND j.next_attempt_at <= %(now)s
RETURNING bucket, member_id, license_id, kind, due_at, attempts
