-- A stream's commands after a sequence number, up to another, in the order in which they were decided.
SELECT seq, command_id, name, data::text, outcome::text, first_version, last_version,
       decided_at, data_hash
  FROM command_log
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b AND seq > %(after)b AND seq <= %(until)b
 ORDER BY seq
