-- Move the checkpoints of one bucket that are free and still stand where this worker found them.
WITH free AS (
    SELECT c.bucket, c.projection, c.generation, found.moved_to
      FROM projection_checkpoint c
      JOIN unnest(%(names)s::text[], %(generations)s::int[], %(turns)s::bigint[], %(to)s::bigint[])
        AS found (projection, generation, turn, moved_to) USING (projection, generation, turn)
     WHERE c.bucket = %(bucket)s
     ORDER BY c.projection, c.generation
       FOR UPDATE OF c SKIP LOCKED
)
UPDATE projection_checkpoint c
   SET position = free.moved_to, turn = c.turn + 1
  FROM free
 WHERE (c.bucket, c.projection, c.generation) = (free.bucket, free.projection, free.generation)
RETURNING c.projection
