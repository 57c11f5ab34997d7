-- The live build makes room, and is kept.
UPDATE projection_build SET state = 'retired', ended_at = clock_timestamp()
 WHERE projection = %(name)s AND state = 'live'
