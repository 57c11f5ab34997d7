-- What was parked in older builds of a side went with them.
UPDATE projection_parked p
   SET resolved_at = clock_timestamp(), resolution = 'rebuilt', resolved_by = 'runner',
       next_attempt_at = NULL
  FROM projection_build b
 WHERE (b.projection, b.generation) = (p.projection, p.generation) AND p.resolved_at IS NULL
   AND b.projection = %(name)s AND b.side = %(side)s AND b.generation <> %(generation)s
