-- In how many buckets a build has not come as far as the live one; not past the feed's own end.
SELECT count(*)
  FROM projection_checkpoint c
  JOIN bucket_head h USING (bucket)
  LEFT JOIN projection_build l ON l.projection = c.projection AND l.state = 'live'
  LEFT JOIN projection_checkpoint o
    ON (o.bucket, o.projection, o.generation) = (c.bucket, l.projection, l.generation)
 WHERE c.projection = %(name)s AND c.generation = %(generation)s
   AND (c.turn = 0 OR c.position < least(coalesce(o.position, h.position), h.position))
