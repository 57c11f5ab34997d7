-- What trials need of the events of several streams, stream by stream as they are asked for, in order.
SELECT wanted.n, e.version, e.type, e.schema_version, e.data::text, e.metadata #>> '{actor,kind}',
       e.metadata #>> '{decision,rules,hash}', e.metadata #>> '{decision,row}', e.occurred_at, e.recorded_at
  FROM unnest(%(buckets)b::integer[], %(streams)b::text[]) WITH ORDINALITY AS wanted(bucket, stream_id, n)
 CROSS JOIN LATERAL (
       SELECT * FROM event
        WHERE event.bucket = wanted.bucket AND event.stream_id = wanted.stream_id
        ORDER BY event.version
       ) AS e
 ORDER BY wanted.n, e.version
