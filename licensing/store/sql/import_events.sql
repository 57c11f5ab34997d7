-- Appends past events to streams of one bucket, alone and in autocommit, or says why not.
SELECT * FROM import_events(
  %(bucket)b, %(streams)b, %(expected)b, %(counts)b, %(event_ids)b, %(types)b, %(schema_versions)b,
  %(data)b, %(metadata)b, %(occurred_at)b, %(recorded_at)b, %(contents)b
)
