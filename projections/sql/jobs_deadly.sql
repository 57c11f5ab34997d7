-- Obligations that ended their worker so often that they are not taken up again.
UPDATE job_attempt j
   SET attempts = j.attempts + 1, claimed = true, next_attempt_at = %(lease)s, worker = %(worker)s
  FROM (SELECT bucket, member_id, license_id, kind, due_at
          FROM job_attempt
         WHERE outcome IS NULL AND next_attempt_at <= %(now)s AND claimed AND lost >= %(most)s
         ORDER BY next_attempt_at LIMIT %(limit)s
           FOR UPDATE SKIP LOCKED) d
 WHERE (j.bucket, j.member_id, j.license_id, j.kind, j.due_at)
     = (d.bucket, d.member_id, d.license_id, d.kind, d.due_at)
RETURNING j.bucket, j.member_id, j.license_id, j.kind, j.due_at, j.attempts
