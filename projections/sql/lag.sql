-- How far each projection's live build is behind: events exactly, and the age of the oldest that waits.
SELECT n.name, b.version, b.side,
       coalesce(sum(greatest(h.position - coalesce(c.position, 0), 0)), 0)::bigint AS events,
       coalesce(extract(epoch FROM clock_timestamp() - min(e.appended_at)), 0)::float8 AS seconds,
       coalesce(sum(c.position), 0)::bigint AS position,
       coalesce(sum(h.position), 0)::bigint AS head,
       count(*) FILTER (WHERE c.position > h.position) AS ahead
  FROM unnest(%(names)s::text[]) AS n (name)
  LEFT JOIN projection_build b ON b.projection = n.name AND b.state = 'live'
 CROSS JOIN bucket_head h
  LEFT JOIN projection_checkpoint c
    ON (c.bucket, c.projection, c.generation) = (h.bucket, b.projection, b.generation)
  LEFT JOIN LATERAL (
       SELECT appended_at FROM event
        WHERE h.position > coalesce(c.position, 0)
          AND event.bucket = h.bucket AND event.position = coalesce(c.position, 0) + 1
       ) e ON true
 GROUP BY n.name, b.version, b.side
