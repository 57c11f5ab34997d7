-- Write whole rows, given as JSON, in key order.
INSERT INTO {decision_log}
       (bucket, member_id, version, decided_at, command, outcome, reason, row_id, rules,
        license_id, title_id, studio, country, plan)
SELECT bucket, member_id, version, decided_at, command, outcome, reason, row_id, rules,
       license_id, title_id, studio, country, plan
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, version bigint, decided_at timestamptz, command text,
        outcome text, reason text, row_id text, rules text, license_id text, title_id text,
        studio text, country text, plan text)
 ORDER BY bucket, member_id, version
ON CONFLICT (bucket, member_id, version) DO UPDATE SET
    decided_at = excluded.decided_at, command = excluded.command, outcome = excluded.outcome,
    reason = excluded.reason, row_id = excluded.row_id, rules = excluded.rules,
    license_id = excluded.license_id, title_id = excluded.title_id, studio = excluded.studio,
    country = excluded.country, plan = excluded.plan
