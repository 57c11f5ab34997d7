-- The rows of some licenses.
SELECT bucket, member_id, license_id, active, issued_at, expires_at, playback_expires_at,
       ends_at, renew_at, renewals, renew_max, window_h, grace_h
  FROM {renewal_calendar}
 WHERE (bucket, member_id, license_id) IN
       (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[], %(licenses)s::text[]))
