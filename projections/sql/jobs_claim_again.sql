-- Claim obligations whose time has come again: after an error, or because a lease ended unsaid.
WITH again AS (
    SELECT a.bucket, a.member_id, a.license_id, a.kind, a.due_at
      FROM job_attempt a
      JOIN {renewal_calendar} c USING (bucket, member_id, license_id)
     WHERE a.outcome IS NULL AND a.next_attempt_at <= %(now)s AND c.active
       AND a.kind = ANY(%(kinds)s)
       AND (a.claimed OR a.lost > 0) = %(suspect)s
       AND CASE a.kind WHEN 'renew' THEN c.renew_at = a.due_at AND c.ends_at > %(now)s
                       ELSE c.ends_at = a.due_at END
     ORDER BY a.next_attempt_at LIMIT %(limit)s
       FOR UPDATE OF a SKIP LOCKED
)
UPDATE job_attempt j
   SET attempts = j.attempts + 1, lost = j.lost + j.claimed::integer, claimed = true,
       next_attempt_at = %(lease)s, worker = %(worker)s
  FROM again
 WHERE (j.bucket, j.member_id, j.license_id, j.kind, j.due_at)
     = (again.bucket, again.member_id, again.license_id, again.kind, again.due_at)
RETURNING j.bucket, j.member_id, j.license_id, j.kind, j.due_at, j.attempts
