-- The event catalogue: each type and schema version, how many, how large, since when.
SELECT category, type, schema_version, sum(count)::bigint, sum(bytes)::bigint, max(largest),
       min(first_at), max(last_at)
  FROM event_kind GROUP BY category, type, schema_version ORDER BY category, type, schema_version
