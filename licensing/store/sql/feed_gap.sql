-- The first position of a bucket that breaks 1, 2, 3 ... up to the bucket's head, if any does.
SELECT min(due)
  FROM (
       SELECT due FROM (
              SELECT position, row_number() OVER (ORDER BY position) AS due FROM event WHERE bucket = %(bucket)b
              ) AS feed
        WHERE position <> due
        UNION ALL
       SELECT least(h.position, e.last) + 1
         FROM bucket_head h,
              (SELECT coalesce(max(position), 0) AS last FROM event WHERE bucket = %(bucket)b) e
        WHERE h.bucket = %(bucket)b AND h.position <> e.last
       ) AS breaks
