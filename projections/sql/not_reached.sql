-- Which of some projections have not yet come to a position of a bucket with their live side.
SELECT n.name
  FROM unnest(%(names)s::text[]) AS n (name)
  LEFT JOIN projection_build b ON b.projection = n.name AND b.state = 'live'
  LEFT JOIN projection_checkpoint c
         ON (c.bucket, c.projection, c.generation) = (%(bucket)s, b.projection, b.generation)
 WHERE c.position IS NULL OR c.position < %(position)s
