-- How many events of a range of buckets commands of some names caused; the others are taken as they are.
SELECT coalesce(sum(last_version - first_version + 1), 0)::bigint
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND name = ANY (%(known)b)
