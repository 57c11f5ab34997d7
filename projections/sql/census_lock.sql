-- One counter at a time: two would count the same events.
SELECT pg_try_advisory_xact_lock(hashtextextended('event_census', 0))
