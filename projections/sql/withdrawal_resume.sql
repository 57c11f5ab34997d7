-- Let a withdrawal that was stopped, or failed, wait for a worker again.
UPDATE withdrawal
   SET state = 'waiting', stop_asked = false, finished_at = NULL, lease_until = NULL, error = '',
       touched_at = clock_timestamp()
 WHERE id = %(id)s AND state IN ('stopped', 'failed')
