-- The parked streams of some buckets, by build.
SELECT p.projection, p.generation, p.stream_id
  FROM projection_parked p
  JOIN unnest(%(names)s::text[], %(generations)s::int[]) AS run (projection, generation)
 USING (projection, generation)
 WHERE p.bucket = ANY(%(buckets)s::int[]) AND p.resolved_at IS NULL
