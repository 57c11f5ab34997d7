-- Puts old answers back in a stream's command log.
SELECT * FROM import_commands(
  %(bucket)b, %(stream_id)b, %(command_ids)b, %(names)b, %(data)b, %(data_hashes)b, %(outcomes)b,
  %(first_versions)b, %(last_versions)b, %(decided_at)b
)
