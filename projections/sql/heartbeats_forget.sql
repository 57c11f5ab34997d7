-- Processes that were gone for this long are not missed any more.
DELETE FROM projections_heartbeat WHERE kind <> 'queue' AND beat_at < clock_timestamp() - %(age)s
