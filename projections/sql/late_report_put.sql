-- Write whole rows, given as JSON, in key order.
INSERT INTO {late_report} (bucket, member_id, version, type, occurred_at, recorded_at, delay_s)
SELECT bucket, member_id, version, type, occurred_at, recorded_at, delay_s
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, version bigint, type text, occurred_at timestamptz,
        recorded_at timestamptz, delay_s bigint)
 ORDER BY bucket, member_id, version
ON CONFLICT (bucket, member_id, version) DO UPDATE SET
    type = excluded.type, occurred_at = excluded.occurred_at,
    recorded_at = excluded.recorded_at, delay_s = excluded.delay_s
