-- Write whole rows, given as JSON, in key order.
INSERT INTO {renewal_calendar}
       (bucket, member_id, license_id, active, issued_at, expires_at, playback_expires_at,
        ends_at, renew_at, renewals, renew_max, window_h, grace_h)
SELECT bucket, member_id, license_id, active, issued_at, expires_at, playback_expires_at,
       ends_at, renew_at, renewals, renew_max, window_h, grace_h
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, active boolean,
        issued_at timestamptz, expires_at timestamptz, playback_expires_at timestamptz,
        ends_at timestamptz, renew_at timestamptz, renewals integer, renew_max integer,
        window_h integer, grace_h integer)
 ORDER BY bucket, member_id, license_id
ON CONFLICT (bucket, member_id, license_id) DO UPDATE SET
    active = excluded.active, issued_at = excluded.issued_at, expires_at = excluded.expires_at,
    playback_expires_at = excluded.playback_expires_at, ends_at = excluded.ends_at,
    renew_at = excluded.renew_at, renewals = excluded.renewals,
    renew_max = excluded.renew_max, window_h = excluded.window_h,
    grace_h = excluded.grace_h
