-- The last version of a stream that had been recorded by an instant; recorded_at never goes back.
SELECT version
  FROM event
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b AND recorded_at <= %(instant)b
 ORDER BY version DESC
 LIMIT 1
