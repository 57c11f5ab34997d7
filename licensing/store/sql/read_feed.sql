-- A bucket's events after a position, in the order in which they became visible.
SELECT bucket, stream_id, version, position, event_id, type, schema_version, data::text, metadata::text,
       occurred_at, recorded_at, appended_at, hash
  FROM event
 WHERE bucket = %(bucket)b AND position > %(after)b
 ORDER BY position
 LIMIT %(limit)b
