-- The latest attempts: open ones first, then the last that finished.
SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
       finished_at
  FROM job_attempt
 ORDER BY finished_at DESC NULLS FIRST, next_attempt_at DESC LIMIT %(limit)s
