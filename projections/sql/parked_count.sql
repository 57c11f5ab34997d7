-- How many streams are parked, by build.
SELECT projection, generation, count(*)
  FROM projection_parked WHERE resolved_at IS NULL GROUP BY projection, generation
