-- Keep how far each projection is behind now, and forget what is older than two hours.
WITH old AS (
    DELETE FROM projection_lag_sample WHERE sampled_at < clock_timestamp() - interval '2 hours'
)
INSERT INTO projection_lag_sample (sampled_at, projection, events, seconds, position)
SELECT now(), * FROM jsonb_to_recordset(%(rows)s::jsonb)
    AS r (projection text, events bigint, seconds double precision, position bigint)
ON CONFLICT DO NOTHING
