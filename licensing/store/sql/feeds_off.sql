-- The buckets whose feed is not 1, 2, 3 ... up to their head, in one snapshot.
SELECT h.bucket, h.position, coalesce(e.last, 0), coalesce(e.count, 0)
  FROM bucket_head h
  LEFT JOIN (SELECT bucket, max(position) AS last, count(*) AS count FROM event GROUP BY bucket) e
    ON e.bucket = h.bucket
 WHERE h.position <> coalesce(e.last, 0) OR h.position <> coalesce(e.count, 0)
 ORDER BY h.bucket
