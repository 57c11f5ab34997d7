-- Ask whoever works on it to stop; where nobody does, it stops at once.
UPDATE withdrawal
   SET stop_asked = state = 'running' AND lease_until >= clock_timestamp(),
       state = CASE WHEN state = 'running' AND lease_until >= clock_timestamp()
                    THEN state ELSE 'stopped' END,
       finished_at = CASE WHEN state = 'running' AND lease_until >= clock_timestamp()
                          THEN NULL ELSE clock_timestamp() END,
       turn = turn + CASE WHEN state = 'running' AND lease_until < clock_timestamp() THEN 1 ELSE 0 END
 WHERE id = %(id)s AND state IN ('waiting', 'running')
