-- Do a tick of a job of the beat, unless it was done just now; counts what came twice.
WITH ours AS (
    INSERT INTO job_tick AS t (job, ticked_at) VALUES (%(job)s, clock_timestamp())
    ON CONFLICT (job) DO UPDATE SET ticked_at = clock_timestamp(), ticks = t.ticks + 1
     WHERE t.ticked_at <= clock_timestamp() - %(apart)s
        OR t.ticked_at > clock_timestamp() + interval '1 minute'  -- the clock was put back
    RETURNING job
), theirs AS (
    UPDATE job_tick SET doubled = doubled + 1
     WHERE job = %(job)s AND NOT EXISTS (SELECT FROM ours)
)
SELECT count(*) FROM ours
