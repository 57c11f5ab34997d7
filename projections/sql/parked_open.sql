-- The streams that are parked now in builds that count, each with how many events wait: all of
-- them from a place on, or `only` one.
SELECT p.bucket, p.projection, p.generation, p.stream_id, p.version,
       (s.version - p.version + 1)::bigint, p.error, p.attempts, p.parked_at, p.next_attempt_at,
       p.resolved_at, p.resolution, p.resolved_by, p.reason
  FROM projection_parked p
  JOIN projection_build b USING (projection, generation)
  JOIN stream_head s USING (bucket, stream_id)
 WHERE p.resolved_at IS NULL AND b.state IN ('building', 'ready', 'live')
   AND (%(projection)s::text IS NULL OR p.projection = %(projection)s)
   AND (%(only)s::text IS NULL OR p.stream_id = %(only)s)
   AND (%(parked_at)s::timestamptz IS NULL OR p.parked_at < %(parked_at)s
        OR (p.parked_at = %(parked_at)s AND (p.projection, p.stream_id, p.generation)
            > (%(after)s, %(stream_id)s, %(generation)s)))
 ORDER BY p.parked_at DESC, p.projection, p.stream_id, p.generation LIMIT %(limit)s
