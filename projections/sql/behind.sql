-- Where builds are behind their feeds, or have not begun, in some slices of the buckets; takes no lock.
SELECT c.bucket, c.projection, c.generation, b.side, c.position, c.turn, h.position
  FROM projection_build b
  JOIN unnest(%(names)s::text[], %(versions)s::int[]) AS ours (name, version)
    ON (ours.name, ours.version) = (b.projection, b.version)
  JOIN projection_checkpoint c ON (c.projection, c.generation) = (b.projection, b.generation)
  JOIN bucket_head h ON h.bucket = c.bucket
 WHERE b.state IN ('building', 'ready', 'live')
   AND c.bucket / 64 = ANY(%(slices)s::int[])
   AND (h.position > c.position OR c.turn = 0)
 ORDER BY c.bucket, c.projection, c.generation
