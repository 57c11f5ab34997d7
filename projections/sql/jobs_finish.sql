-- Record what became of an obligation.
UPDATE job_attempt
   SET outcome = %(outcome)s, last_error = %(error)s, finished_at = %(now)s
 WHERE bucket = %(bucket)s AND member_id = %(member_id)s AND license_id = %(license_id)s
   AND kind = %(kind)s AND due_at = %(due_at)s AND outcome IS NULL
