-- How many events of a range of buckets commands caused; the others were imported as they were.
SELECT coalesce(sum(last_version - first_version + 1), 0)::bigint
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
