-- Take at most so many turns of a kind whose rate is bounded; a second's worth may be saved up.
WITH filled AS (
    SELECT kind, least(per_second, tokens + per_second * extract(epoch FROM clock_timestamp() - refilled_at))
                 ::float8 AS tokens
      FROM job_control
     WHERE kind = %(kind)s AND paused_at IS NULL AND per_second IS NOT NULL
       FOR UPDATE
)
UPDATE job_control c
   SET tokens = filled.tokens - least(floor(filled.tokens), %(limit)s), refilled_at = clock_timestamp()
  FROM filled WHERE c.kind = filled.kind
RETURNING least(floor(filled.tokens), %(limit)s)::integer
