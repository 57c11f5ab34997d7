-- A build is level and waits for a person.
UPDATE projection_build SET state = 'ready', ready_at = clock_timestamp()
 WHERE projection = %(name)s AND generation = %(generation)s AND state = 'building'
