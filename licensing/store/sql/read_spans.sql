-- The events of several spans of positions, each in one bucket; of some types, or of all.
SELECT e.bucket, e.stream_id, e.version, e.position, e.type, e.schema_version, e.data::text,
       CASE WHEN %(metadata)b THEN e.metadata::text ELSE '{}' END,
       e.occurred_at, e.recorded_at, e.appended_at
  FROM unnest(%(buckets)b, %(after)b, %(until)b) AS span (bucket, after, until)
 CROSS JOIN LATERAL (
       SELECT * FROM event
        WHERE event.bucket = span.bucket
          AND event.position > span.after AND event.position <= span.until
       ) AS e
 WHERE %(types)b::text[] IS NULL OR e.type = ANY (%(types)b::text[])
 ORDER BY e.bucket, e.position
