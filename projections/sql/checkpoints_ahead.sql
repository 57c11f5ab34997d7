-- Live checkpoints that lie past the head of their bucket's feed: the log is not the one that was read.
SELECT c.projection, c.bucket, c.position, h.position
  FROM projection_checkpoint c
  JOIN projection_build b USING (projection, generation)
  JOIN bucket_head h ON h.bucket = c.bucket
 WHERE c.position > h.position AND b.state = 'live'
 ORDER BY c.projection, c.bucket
