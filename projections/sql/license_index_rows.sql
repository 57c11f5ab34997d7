-- The rows of some licenses' members.
SELECT bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
       status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
       last_version
  FROM {license_index}
 WHERE (bucket, member_id, license_id) IN
       (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[], %(licenses)s::text[]))
