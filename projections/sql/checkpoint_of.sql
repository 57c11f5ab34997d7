-- Where a build stands in one bucket: the live one, or the one that is named.
SELECT c.bucket, c.projection, c.generation, b.side, c.position, c.turn, h.position
  FROM projection_checkpoint c
  JOIN projection_build b USING (projection, generation)
  JOIN bucket_head h USING (bucket)
 WHERE c.bucket = %(bucket)s AND c.projection = %(projection)s
   AND (b.generation = %(generation)s OR (%(generation)s::int IS NULL AND b.state = 'live'))
   AND b.version = %(version)s AND b.state IN ('building', 'ready', 'live')
