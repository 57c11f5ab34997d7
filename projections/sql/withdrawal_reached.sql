-- Whether the live license index has come to where the feeds of some buckets were at the start.
SELECT NOT EXISTS (
    SELECT FROM withdrawal w
      CROSS JOIN generate_series(%(low)s::int, %(high)s::int) AS b (bucket)
      LEFT JOIN projection_build l ON l.projection = 'license_index' AND l.state = 'live'
      LEFT JOIN projection_checkpoint c
        ON (c.bucket, c.projection, c.generation) = (b.bucket, l.projection, l.generation)
     WHERE w.id = %(id)s AND coalesce(c.position, 0) < w.heads[b.bucket + 1])
