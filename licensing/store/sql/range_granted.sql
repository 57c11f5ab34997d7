-- How many events of some types each stream of a range of buckets has until an instant.
SELECT stream_id, type, count(*)
  FROM event
 WHERE type = ANY (%(types)b) AND bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND recorded_at <= %(until)b
 GROUP BY stream_id, type
