-- Close the books on a parked stream, saying how, by whom and why.
UPDATE projection_parked
   SET resolved_at = clock_timestamp(), resolution = %(resolution)s, next_attempt_at = NULL,
       resolved_by = %(by)s, reason = %(reason)s
 WHERE bucket = %(bucket)s AND projection = %(projection)s AND generation = %(generation)s
   AND stream_id = %(stream_id)s AND resolved_at IS NULL
