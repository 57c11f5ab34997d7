-- For each stream of a range of buckets, how many events its commands caused, and the last version of each
-- command of some names.
SELECT stream_id, sum(last_version - first_version + 1)::integer,
       coalesce(array_agg(last_version) FILTER (WHERE name = ANY (%(names)b)), '{}')
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
 GROUP BY bucket, stream_id
