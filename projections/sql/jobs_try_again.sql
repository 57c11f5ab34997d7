-- Take up again what was given up.
UPDATE job_attempt SET outcome = NULL, finished_at = NULL, lost = 0, next_attempt_at = due_at
 WHERE bucket = %(bucket)s AND member_id = %(member_id)s AND license_id = %(license_id)s
   AND kind = %(kind)s AND due_at = %(due_at)s AND outcome = 'gave up'
