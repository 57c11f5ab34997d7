-- How many events wait for each slice's builds, each counted once a build; takes no lock.
SELECT h.bucket / 64, sum(h.position - c.position)::bigint
  FROM projection_build b
  JOIN unnest(%(names)s::text[], %(versions)s::int[]) AS ours (name, version)
    ON (ours.name, ours.version) = (b.projection, b.version)
  JOIN projection_checkpoint c ON (c.projection, c.generation) = (b.projection, b.generation)
  JOIN bucket_head h ON h.bucket = c.bucket
 WHERE b.state IN ('building', 'ready', 'live')
   AND (h.position > c.position OR c.turn = 0)
 GROUP BY 1
