-- What folds need of several streams, each after a version of its own, and how many of each at most.
SELECT s.stream_id, f.*
  FROM unnest(%(buckets)b, %(streams)b, %(after)b) AS s(bucket, stream_id, after)
 CROSS JOIN LATERAL (
       SELECT version, type, schema_version, data::text, occurred_at, recorded_at,
              metadata #>> '{decision,rules,hash}', hash
         FROM event
        WHERE event.bucket = s.bucket AND event.stream_id = s.stream_id AND version > s.after
        ORDER BY version
        LIMIT %(limit)b
       ) AS f
 ORDER BY s.stream_id, f.version
