-- From now on this build is read.
UPDATE projection_build
   SET state = 'live', live_at = clock_timestamp(), ended_at = NULL,
       ready_at = coalesce(ready_at, clock_timestamp())
 WHERE projection = %(name)s AND generation = %(generation)s
