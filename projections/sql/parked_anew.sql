-- How many streams are parked in a build at an event that the live one has passed.
SELECT count(*)
  FROM projection_parked n
 WHERE n.projection = %(name)s AND n.generation = %(generation)s AND n.resolved_at IS NULL
   AND NOT EXISTS (
       SELECT FROM projection_parked o
         JOIN projection_build l ON (l.projection, l.generation) = (o.projection, o.generation)
        WHERE (o.bucket, o.projection, o.stream_id) = (n.bucket, n.projection, n.stream_id)
          AND l.state = 'live' AND o.resolved_at IS NULL AND o.version <= n.version)
