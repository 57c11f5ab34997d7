-- The streams whose head is not the version of their last event, or whose versions have a hole.
SELECT stream_id, coalesce(h.version, 0), coalesce(e.last, 0), coalesce(e.count, 0)
  FROM (SELECT bucket, stream_id, version FROM stream_head) h
  FULL JOIN (SELECT bucket, stream_id, max(version) AS last, count(*) AS count
               FROM event GROUP BY bucket, stream_id) e USING (bucket, stream_id)
 WHERE coalesce(h.version, 0) <> coalesce(e.last, 0) OR coalesce(e.last, 0) <> coalesce(e.count, 0)
 ORDER BY bucket, stream_id
 LIMIT %(limit)b
