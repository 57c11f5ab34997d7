-- How long the streams of each category were when they were last measured.
SELECT category, measured_at, streams, events, p50, p95, longest, bands,
       extract(epoch FROM clock_timestamp() - measured_at)::float8
  FROM stream_census ORDER BY category
