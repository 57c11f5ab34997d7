-- Put an obligation off after an error, if it is still in this worker's hands.
UPDATE job_attempt
   SET next_attempt_at = %(next)s, last_error = %(error)s, claimed = false
 WHERE bucket = %(bucket)s AND member_id = %(member_id)s AND license_id = %(license_id)s
   AND kind = %(kind)s AND due_at = %(due_at)s AND attempts = %(attempts)s AND outcome IS NULL
