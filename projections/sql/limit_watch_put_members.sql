-- Write what is known of members, given as JSON, in key order.
INSERT INTO {limit_watch}_member (bucket, member_id, state)
SELECT bucket, member_id, state::jsonb
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r (bucket integer, member_id text, state text)
 ORDER BY bucket, member_id
ON CONFLICT (bucket, member_id) DO UPDATE SET state = excluded.state
