-- The parked streams whose next attempt is due, oldest first.
SELECT p.bucket, p.projection, p.generation, p.stream_id
  FROM projection_parked p
  JOIN projection_build b USING (projection, generation)
 WHERE p.resolved_at IS NULL AND p.next_attempt_at <= clock_timestamp()
   AND p.projection = ANY(%(names)s::text[]) AND b.state IN ('building', 'ready', 'live')
 ORDER BY p.next_attempt_at LIMIT 20
