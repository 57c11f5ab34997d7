-- Give a build its checkpoints, at the beginning of each bucket; turn 0 where older rows are left.
INSERT INTO projection_checkpoint (bucket, projection, generation, position, turn)
SELECT b.bucket, %(name)s, %(generation)s, 0, CASE WHEN {left} THEN 0 ELSE 1 END
  FROM generate_series(0, 1023) AS b (bucket)
