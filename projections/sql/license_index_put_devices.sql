-- Write devices, given as JSON, in key order; a device keeps its first registration.
INSERT INTO {license_index}_device AS d (bucket, member_id, device_id, type, registered_at)
SELECT bucket, member_id, device_id, type, registered_at
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, device_id text, type text, registered_at timestamptz)
 ORDER BY bucket, member_id, device_id
ON CONFLICT (bucket, member_id, device_id) DO UPDATE SET type = excluded.type
