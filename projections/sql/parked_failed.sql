-- Note a failed attempt; without a delay the stream waits for a person.
UPDATE projection_parked
   SET version = %(version)s, error = %(error)s, attempts = attempts + 1,
       next_attempt_at = clock_timestamp() + %(delay)s
 WHERE bucket = %(bucket)s AND projection = %(projection)s AND generation = %(generation)s
   AND stream_id = %(stream_id)s AND resolved_at IS NULL
