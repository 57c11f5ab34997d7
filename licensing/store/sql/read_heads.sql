-- Streams of one category after a place, bucket by bucket, with how many events each has.
SELECT bucket, stream_id, version
  FROM stream_head
 WHERE (bucket, stream_id) > (%(bucket)b, %(stream_id)b) AND starts_with(stream_id, %(prefix)b)
 ORDER BY bucket, stream_id
 LIMIT %(limit)b
