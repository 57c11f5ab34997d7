-- How many events the streams have whose ids begin so.
SELECT coalesce(sum(version), 0)::bigint FROM stream_head WHERE starts_with(stream_id, %(prefix)b)
