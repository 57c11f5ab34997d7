-- The parked streams of one bucket.
SELECT projection, stream_id FROM projection_parked
 WHERE bucket = %(bucket)s AND projection = ANY(%(names)s) AND resolved_at IS NULL
