-- A stream's command by its id.
SELECT seq, command_id, name, data::text, outcome::text, first_version, last_version,
       decided_at, data_hash
  FROM command_log
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b AND command_id = %(command_id)b
