-- The builds of some projections, newest first, with how far each is and how fast.
SELECT b.projection, b.generation, b.side, b.version, b.state, b.hold, b.requested_by, b.reason,
       b.requested_at, b.ready_at, b.live_at, b.ended_at, b.comparison::text,
       coalesce(p.position, 0)::bigint, h.position::bigint,
       CASE WHEN p.position IS NULL THEN 0
            ELSE greatest(p.position - b.earlier_position, 0)
               / greatest(extract(epoch FROM clock_timestamp() - b.earlier_at), 0.1) END::float8,
       coalesce(w.streams, 0), b.comparing::text
  FROM projection_build b
 CROSS JOIN (SELECT coalesce(sum(position), 0) AS position FROM bucket_head) h
  LEFT JOIN (SELECT projection, generation, sum(position) AS position
               FROM projection_checkpoint WHERE projection = ANY(%(names)s::text[])
              GROUP BY projection, generation) p USING (projection, generation)
  LEFT JOIN (SELECT projection, generation, count(*) AS streams
               FROM projection_parked
              WHERE resolved_at IS NULL AND projection = ANY(%(names)s::text[])
              GROUP BY projection, generation) w USING (projection, generation)
 WHERE b.projection = ANY(%(names)s::text[])
 ORDER BY b.projection, b.generation DESC
