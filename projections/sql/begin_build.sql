-- Begin the next build of a projection: the first is live at once, the next ones take the other side.
INSERT INTO projection_build
       (projection, generation, side, version, state, hold, requested_by, reason, requested_at,
        live_at, sampled_at, sampled_position, earlier_at, earlier_position)
SELECT %(name)s, o.generation, o.side, %(version)s,
       CASE WHEN o.live THEN 'building' ELSE 'live' END, %(hold)s, %(by)s, %(reason)s,
       clock_timestamp(), CASE WHEN o.live THEN NULL ELSE clock_timestamp() END,
       clock_timestamp(), 0, clock_timestamp(), 0
  FROM (SELECT coalesce(max(generation), 0) + 1 AS generation,
               coalesce(max(CASE side WHEN 'a' THEN 'b' ELSE 'a' END)
                        FILTER (WHERE state = 'live'), 'a') AS side,
               coalesce(bool_or(state = 'live'), false) AS live
          FROM projection_build WHERE projection = %(name)s) o
RETURNING generation, side
