-- Appends the events of one command, alone and in autocommit, or says why not.
SELECT * FROM append_events(
  %(bucket)b, %(stream_id)b, %(expected)b, %(recorded_at)b,
  %(command_id)b, %(command_name)b, %(command_data)b, %(data_hash)b, %(outcome)b,
  %(event_ids)b, %(types)b, %(schema_versions)b, %(data)b, %(metadata)b, %(occurred_at)b, %(contents)b
)
