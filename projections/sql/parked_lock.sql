-- Lock one parked stream for an attempt.
SELECT version, attempts FROM projection_parked
 WHERE bucket = %(bucket)s AND projection = %(projection)s AND generation = %(generation)s
   AND stream_id = %(stream_id)s AND resolved_at IS NULL
   FOR UPDATE SKIP LOCKED
