-- Which of some projections have not yet come to a position of a bucket with their live side.
-- What was never appended, or is no more since a restore, is not waited for.
SELECT n.name
  FROM unnest(%(names)s::text[]) AS n (name)
  LEFT JOIN bucket_head h ON h.bucket = %(bucket)s
  LEFT JOIN projection_build b ON b.projection = n.name AND b.state = 'live'
  LEFT JOIN projection_checkpoint c
         ON (c.bucket, c.projection, c.generation) = (%(bucket)s, b.projection, b.generation)
 WHERE coalesce(c.position, 0) < least(%(position)s::bigint, coalesce(h.position, 0))
