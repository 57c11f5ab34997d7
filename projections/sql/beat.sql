-- Note that a process of this name is alive.
INSERT INTO projections_heartbeat (name, beat_at) VALUES (%(name)s, clock_timestamp())
ON CONFLICT (name) DO UPDATE SET beat_at = excluded.beat_at
