-- A batch of imported history, or how far it has come. Has no bucket: it is about a file.
INSERT INTO import_batch (id, source, sha256, imported_by, started_at, finished_at,
                          lines, events, commands, already, rejected)
VALUES (%(id)b, %(source)b, %(sha256)b, %(imported_by)b, %(started_at)b, %(finished_at)b,
        %(lines)b, %(events)b, %(commands)b, %(already)b, %(rejected)b)
    ON CONFLICT (id) DO UPDATE
   SET finished_at = excluded.finished_at, lines = excluded.lines, events = excluded.events,
       commands = excluded.commands, already = excluded.already, rejected = excluded.rejected
RETURNING id
