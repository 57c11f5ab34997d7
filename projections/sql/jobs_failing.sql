-- What needs a person: given up, or failing and due to be tried again.
(SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
        finished_at, lost, worker
   FROM job_attempt WHERE outcome IS NULL AND last_error IS NOT NULL
  ORDER BY next_attempt_at LIMIT %(limit)s)
UNION ALL
(SELECT member_id, license_id, kind, due_at, attempts, next_attempt_at, outcome, last_error,
        finished_at, lost, worker
   FROM job_attempt WHERE outcome = 'gave up' AND finished_at IS NOT NULL
  ORDER BY finished_at DESC LIMIT %(limit)s)
