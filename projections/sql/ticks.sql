-- When each job of the beat last ticked, how often it did, and how often a second beat was too late.
SELECT job, ticked_at, ticks, doubled, extract(epoch FROM clock_timestamp() - ticked_at)::float8
  FROM job_tick ORDER BY job
