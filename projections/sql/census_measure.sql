-- How long the streams of each category are; a look at every head, so seldom done.
INSERT INTO stream_census AS s
       (category, measured_at, streams, events, p50, p95, longest, bands)
SELECT category, clock_timestamp(), count(*), sum(version),
       percentile_disc(0.5) WITHIN GROUP (ORDER BY version),
       percentile_disc(0.95) WITHIN GROUP (ORDER BY version), max(version),
       ARRAY[count(*) FILTER (WHERE version < 10),
             count(*) FILTER (WHERE version BETWEEN 10 AND 99),
             count(*) FILTER (WHERE version BETWEEN 100 AND 999),
             count(*) FILTER (WHERE version BETWEEN 1000 AND 9999),
             count(*) FILTER (WHERE version >= 10000)]
  FROM (SELECT split_part(stream_id, '-', 1) AS category, version FROM stream_head
         WHERE version > 0) h
 GROUP BY category
ON CONFLICT (category) DO UPDATE
   SET measured_at = excluded.measured_at, streams = excluded.streams, events = excluded.events,
       p50 = excluded.p50, p95 = excluded.p95, longest = excluded.longest, bands = excluded.bands
