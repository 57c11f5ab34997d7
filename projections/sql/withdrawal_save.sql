-- Keep how far it is, as long as this worker has it; a stop that somebody asked for is obeyed.
UPDATE withdrawal
   SET slice = %(slice)s, found = found + %(found)s, withdrawn = withdrawn + %(withdrawn)s,
       gone = gone + %(gone)s, refused = refused + %(refused)s, worked_s = worked_s + %(worked)s,
       state = n.state, error = %(error)s, touched_at = clock_timestamp(), stop_asked = false,
       lease_until = CASE WHEN n.state = 'running' THEN clock_timestamp() + %(lease)s END,
       finished_at = CASE WHEN n.state IN ('done', 'stopped', 'failed') THEN clock_timestamp() END
  FROM (SELECT CASE WHEN stop_asked AND %(state)s IN ('running', 'waiting') THEN 'stopped'
                    ELSE %(state)s END AS state
          FROM withdrawal WHERE id = %(id)s FOR UPDATE) n
 WHERE id = %(id)s AND turn = %(turn)s AND withdrawal.state = 'running'
RETURNING withdrawal.state
