-- Write whole rows, given as JSON, in key order.
INSERT INTO {limit_watch}
       (bucket, member_id, limit_name, scope, version, label, used, most, since, until)
SELECT bucket, member_id, limit_name, scope, version, label, used, most, since,
       coalesce(until, 'infinity')
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, limit_name text, scope text, version bigint, label text,
        used bigint, most bigint, since timestamptz, until timestamptz)
 ORDER BY bucket, member_id, limit_name, scope, version
ON CONFLICT (bucket, member_id, limit_name, scope, version) DO UPDATE SET
    label = excluded.label, used = excluded.used, most = excluded.most, since = excluded.since,
    until = excluded.until
