-- The streams of a range of buckets: how many events each has, and when the last one was recorded.
SELECT bucket, stream_id, version, recorded_at
  FROM stream_head
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
