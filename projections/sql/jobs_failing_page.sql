-- The same by when they were due, oldest first, a page at a time: for tools, which read them all.
SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
       finished_at, lost, worker
  FROM job_attempt
 WHERE ((outcome IS NULL AND last_error IS NOT NULL)
        OR (outcome = 'gave up' AND finished_at IS NOT NULL))
   AND (due_at, member_id, license_id, kind)
       > (%(due_at)s, %(member_id)s, %(license_id)s, %(kind)s)
 ORDER BY due_at, member_id, license_id, kind LIMIT %(limit)s
