-- When each named process was last alive, and how many seconds ago.
SELECT name, kind, beat_at, extract(epoch FROM clock_timestamp() - beat_at)::float8, pid, started_at,
       took_at, extract(epoch FROM clock_timestamp() - took_at)::float8
  FROM projections_heartbeat ORDER BY kind, name
