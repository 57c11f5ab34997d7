-- How many streams of one category there are.
SELECT count(*) FROM stream_head WHERE bucket BETWEEN 0 AND 1023 AND starts_with(stream_id, %(prefix)b)
