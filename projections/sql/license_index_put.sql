-- Write whole rows, given as JSON, in key order.
INSERT INTO {license_index}
       (bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
        status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
        last_version)
SELECT bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
       status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
       last_version
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, title_id text, title_name text,
        studio text, device_id text, device_type text, status text, reason text,
        issued_at timestamptz, expires_at timestamptz, playback_expires_at timestamptz,
        renewals integer, ended_at timestamptz, last_version bigint)
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id) DO UPDATE SET
    title_id = excluded.title_id, title_name = excluded.title_name, studio = excluded.studio,
    device_id = excluded.device_id, device_type = excluded.device_type,
    status = excluded.status, reason = excluded.reason, issued_at = excluded.issued_at,
    expires_at = excluded.expires_at, playback_expires_at = excluded.playback_expires_at,
    renewals = excluded.renewals, ended_at = excluded.ended_at,
    last_version = excluded.last_version
