-- Note that a process of this name is alive.
INSERT INTO projections_heartbeat AS h (name, kind, beat_at, pid, started_at, took_at)
VALUES (%(name)s, %(kind)s, clock_timestamp(), %(pid)s, %(started_at)s, %(took_at)s)
ON CONFLICT (name) DO UPDATE
   SET kind = excluded.kind, beat_at = excluded.beat_at, pid = excluded.pid,
       started_at = excluded.started_at, took_at = coalesce(excluded.took_at, h.took_at)
