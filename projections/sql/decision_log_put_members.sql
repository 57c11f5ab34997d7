-- Write members, given as JSON, in key order.
INSERT INTO {decision_log}_member (bucket, member_id, plan, country)
SELECT bucket, member_id, plan, country
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, plan text, country text)
 ORDER BY bucket, member_id
ON CONFLICT (bucket, member_id) DO UPDATE SET
    plan = excluded.plan, country = excluded.country
