-- When each named process was last alive, and how many seconds ago.
SELECT name, beat_at, extract(epoch FROM clock_timestamp() - beat_at)::float8
  FROM projections_heartbeat ORDER BY name
