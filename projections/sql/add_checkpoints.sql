-- Give a build its checkpoints, at the beginning of each bucket; turn 0 means that rows may be left.
INSERT INTO projection_checkpoint (bucket, projection, generation, position, turn)
SELECT bucket, %(name)s, %(generation)s, 0, %(turn)s FROM generate_series(0, 1023) AS bucket
