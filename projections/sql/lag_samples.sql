-- The samples of the last hour, oldest first.
SELECT projection, sampled_at, events, seconds, position FROM projection_lag_sample
 WHERE sampled_at > clock_timestamp() - interval '1 hour' ORDER BY sampled_at, projection
