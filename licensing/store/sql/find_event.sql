-- An event by its id alone: one probe of the index per bucket.
SELECT bucket, stream_id, version, position, event_id, type, schema_version, data::text, metadata::text,
       occurred_at, recorded_at, appended_at, hash
  FROM event
 WHERE bucket = ANY (%(buckets)b) AND event_id = %(event_id)b
 LIMIT 1
