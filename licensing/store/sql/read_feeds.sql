-- The next events of several buckets, each after a position of its own.
SELECT e.bucket, e.stream_id, e.version, e.position, e.event_id, e.type, e.schema_version,
       e.data::text, e.metadata::text, e.occurred_at, e.recorded_at, e.appended_at, e.hash
  FROM unnest(%(buckets)b, %(after)b) AS feed(bucket, after)
 CROSS JOIN LATERAL (
       SELECT * FROM event
        WHERE event.bucket = feed.bucket AND event.position > feed.after
        ORDER BY event.position
        LIMIT %(limit)b
       ) AS e
 ORDER BY e.bucket, e.position
