-- When each event of a stream happened, and when it became known.
SELECT version, occurred_at, recorded_at
  FROM event
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b
 ORDER BY version
