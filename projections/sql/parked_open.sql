-- The streams that are parked now, newest first.
SELECT bucket, projection, stream_id, version, error, attempts, parked_at, next_attempt_at
  FROM projection_parked WHERE resolved_at IS NULL
 ORDER BY parked_at DESC LIMIT %(limit)s
