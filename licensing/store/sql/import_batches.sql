-- Every batch of imported history, the latest first.
SELECT id, source, sha256, imported_by, started_at, finished_at, lines, events, commands, already, rejected
  FROM import_batch
 ORDER BY started_at DESC, id
