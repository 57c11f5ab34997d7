-- Lock the checkpoints of one bucket that nobody else is working on and no newer code has taken.
SELECT c.projection, c.position, c.generation, p.generation
  FROM projection_checkpoint c
  JOIN projection p ON p.name = c.projection
  JOIN unnest(%(names)s::text[], %(versions)s::int[]) AS ours (name, version)
    ON (ours.name, ours.version) = (p.name, p.version)
 WHERE c.bucket = %(bucket)s
 ORDER BY c.projection
   FOR UPDATE OF c SKIP LOCKED
