-- Drop processes that are not to be missed.
DELETE FROM projections_heartbeat WHERE name = ANY(%(names)s::text[])
