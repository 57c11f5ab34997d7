-- For each stream of a range of buckets, how many events its commands of known names caused, and the last version
-- of each command of some of them.
SELECT stream_id, sum(last_version - first_version + 1)::integer,
       coalesce(array_agg(last_version) FILTER (WHERE name = ANY (%(names)b)), '{}')
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND name = ANY (%(known)b)
 GROUP BY bucket, stream_id
