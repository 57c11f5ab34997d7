-- The decision records of some events, and the studio of what was asked for, in the order of asking.
SELECT e.metadata ->> 'decision', e.data #>> '{title,studio}'
  FROM unnest(%(buckets)b::integer[], %(streams)b::text[], %(versions)b::integer[])
       WITH ORDINALITY AS wanted(bucket, stream_id, version, n)
  JOIN event e ON e.bucket = wanted.bucket AND e.stream_id = wanted.stream_id AND e.version = wanted.version
 ORDER BY wanted.n
