-- Write licenses, given as JSON, in key order.
INSERT INTO {decision_log}_license (bucket, member_id, license_id, title_id, studio)
SELECT bucket, member_id, license_id, title_id, studio
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, title_id text, studio text)
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id) DO UPDATE SET
    title_id = excluded.title_id, studio = excluded.studio
