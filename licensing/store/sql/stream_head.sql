-- Where a stream stands; a stream that a refused first command left without events does not exist.
SELECT version, last_hash, recorded_at, erased_at
  FROM stream_head
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b AND (version > 0 OR erased_at IS NOT NULL)
