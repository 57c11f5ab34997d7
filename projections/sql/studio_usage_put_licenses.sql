-- Write licenses, given as JSON, in key order.
INSERT INTO {studio_usage}_license (bucket, member_id, license_id, studio, ended)
SELECT bucket, member_id, license_id, studio, ended
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, studio text, ended boolean)
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id) DO UPDATE SET
    studio = excluded.studio, ended = excluded.ended
