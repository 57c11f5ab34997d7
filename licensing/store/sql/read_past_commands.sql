-- What trials need of the commands of several streams, stream by stream, in the order of decision.
SELECT wanted.n, c.name, c.data::text, c.data ->> 'occurred_at', c.outcome ->> 'outcome',
       c.outcome #>> '{decision,row}', c.first_version, c.last_version, c.decided_at
  FROM unnest(%(buckets)b::integer[], %(streams)b::text[]) WITH ORDINALITY AS wanted(bucket, stream_id, n)
 CROSS JOIN LATERAL (
       SELECT * FROM command_log
        WHERE command_log.bucket = wanted.bucket AND command_log.stream_id = wanted.stream_id
       ) AS c
 ORDER BY wanted.n, c.seq
