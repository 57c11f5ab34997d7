-- Note how far the builds are, where that is five seconds ago.
UPDATE projection_build b
   SET earlier_at = sampled_at, earlier_position = sampled_position,
       sampled_at = clock_timestamp(),
       sampled_position = (SELECT coalesce(sum(position), 0) FROM projection_checkpoint c
                            WHERE (c.projection, c.generation) = (b.projection, b.generation))
 WHERE b.projection = ANY(%(names)s::text[]) AND b.state IN ('building', 'ready', 'live')
   AND b.sampled_at < clock_timestamp() - interval '5 seconds'
RETURNING b.projection
