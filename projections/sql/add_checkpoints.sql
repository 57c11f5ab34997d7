-- Make sure that some buckets have a checkpoint of each projection.
INSERT INTO projection_checkpoint (bucket, projection, generation)
SELECT b.bucket, p.name, p.generation
  FROM unnest(%(buckets)s::int[]) AS b (bucket), projection p
 WHERE p.name = ANY(%(names)s)
   AND NOT EXISTS (SELECT FROM projection_checkpoint c
                    WHERE c.bucket = b.bucket AND c.projection = p.name)
 ORDER BY b.bucket, p.name
ON CONFLICT (bucket, projection) DO NOTHING
