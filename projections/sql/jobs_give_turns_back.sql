-- Turns that were taken and not needed.
UPDATE job_control SET tokens = tokens + %(count)s WHERE kind = %(kind)s AND per_second IS NOT NULL
