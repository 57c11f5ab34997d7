-- How far each projection is behind: events exactly, and the age of the oldest one waiting.
SELECT n.name,
       coalesce(sum(greatest(h.position - coalesce(c.position, 0), 0)), 0)::bigint AS events,
       coalesce(extract(epoch FROM clock_timestamp() - min(e.appended_at)), 0)::float8 AS seconds,
       coalesce(sum(c.position), 0)::bigint AS position,
       count(*) FILTER (WHERE c.position > 0 AND c.generation < p.generation) AS outdated,
       count(h.bucket) AS buckets,
       count(*) FILTER (WHERE c.position > h.position) AS ahead
  FROM unnest(%(names)s::text[]) AS n (name)
  LEFT JOIN projection p ON p.name = n.name
  LEFT JOIN bucket_head h ON true
  LEFT JOIN projection_checkpoint c ON c.bucket = h.bucket AND c.projection = n.name
  LEFT JOIN event e ON e.bucket = h.bucket AND e.position = coalesce(c.position, 0) + 1
                   AND h.position > coalesce(c.position, 0)
 GROUP BY n.name
