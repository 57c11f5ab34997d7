-- A build is given up.
UPDATE projection_build SET state = %(state)s, ended_at = clock_timestamp()
 WHERE projection = %(name)s AND generation = %(generation)s
