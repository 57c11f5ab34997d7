-- How many events are not in the catalogue yet.
SELECT coalesce(sum(greatest(h.position - coalesce(c.position, 0), 0)), 0)::bigint
  FROM bucket_head h LEFT JOIN event_census c USING (bucket)
