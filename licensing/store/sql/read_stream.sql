-- A stream's events after a version, up to another, in order.
SELECT bucket, stream_id, version, position, event_id, type, schema_version, data::text, metadata::text,
       occurred_at, recorded_at, appended_at, hash
  FROM event
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b
   AND version > %(after)b AND version <= %(until)b
 ORDER BY version
 LIMIT %(limit)b
