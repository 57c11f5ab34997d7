-- How many streams are parked, by projection.
SELECT projection, count(*) FROM projection_parked WHERE resolved_at IS NULL GROUP BY projection
