-- The parked streams whose next attempt is due, oldest first.
SELECT bucket, projection, stream_id FROM projection_parked
 WHERE resolved_at IS NULL AND next_attempt_at <= clock_timestamp()
   AND projection = ANY(%(names)s)
 ORDER BY next_attempt_at LIMIT 20
