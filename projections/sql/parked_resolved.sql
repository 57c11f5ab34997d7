-- The streams that were parked and are no more, with who did what and why.
SELECT bucket, projection, generation, stream_id, version, 0, error, attempts, parked_at,
       next_attempt_at, resolved_at, resolution, resolved_by, reason
  FROM projection_parked
 WHERE resolved_at IS NOT NULL
   AND (%(projection)s::text IS NULL OR projection = %(projection)s)
 ORDER BY resolved_at DESC, projection, stream_id LIMIT %(limit)s
