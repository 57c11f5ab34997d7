-- The buckets in which a projection is behind its feed or of an older generation; takes no lock.
SELECT DISTINCT h.bucket
  FROM bucket_head h
  JOIN projection p ON p.name = ANY(%(names)s)
  LEFT JOIN projection_checkpoint c ON c.bucket = h.bucket AND c.projection = p.name
 WHERE h.position > coalesce(c.position, 0)
    OR (c.position > 0 AND c.generation < p.generation)
 ORDER BY h.bucket
