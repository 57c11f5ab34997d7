-- Give back what was claimed and not tried, as if it had not been claimed.
UPDATE job_attempt j
   SET next_attempt_at = %(now)s, claimed = false, attempts = j.attempts - 1
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, kind text, due_at timestamptz,
        attempts integer)
 WHERE (j.bucket, j.member_id, j.license_id, j.kind, j.due_at)
     = (r.bucket, r.member_id, r.license_id, r.kind, r.due_at)
   AND j.attempts = r.attempts AND j.outcome IS NULL
