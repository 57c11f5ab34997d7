-- The streams of a bucket with how many events each should have, also those with events but no head.
SELECT stream_id, coalesce(max(h.version), 0)
  FROM stream_head h
  FULL JOIN (SELECT DISTINCT bucket, stream_id FROM event WHERE bucket = %(bucket)b) e USING (bucket, stream_id)
 WHERE bucket = %(bucket)b
 GROUP BY stream_id
 ORDER BY stream_id
