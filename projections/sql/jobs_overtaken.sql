-- Attempts left open whose obligation the calendar no longer holds: it was met, or something else was.
UPDATE job_attempt j
   SET attempts = j.attempts + 1, claimed = true, next_attempt_at = %(lease)s, worker = %(worker)s
  FROM (SELECT a.bucket, a.member_id, a.license_id, a.kind, a.due_at
          FROM job_attempt a
          JOIN {renewal_calendar} c USING (bucket, member_id, license_id)
         WHERE a.outcome IS NULL AND a.next_attempt_at <= %(now)s
           AND (NOT c.active OR CASE a.kind WHEN 'renew' THEN c.renew_at IS DISTINCT FROM a.due_at
                                            ELSE c.ends_at <> a.due_at END)
         ORDER BY a.next_attempt_at LIMIT %(limit)s
           FOR UPDATE OF a SKIP LOCKED) o
 WHERE (j.bucket, j.member_id, j.license_id, j.kind, j.due_at)
     = (o.bucket, o.member_id, o.license_id, o.kind, o.due_at)
RETURNING j.bucket, j.member_id, j.license_id, j.kind, j.due_at, j.attempts
