-- The licenses (or refused requests) with this id; ids are unique within a member only.
SELECT bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
       status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
       last_version
  FROM {license_index} WHERE license_id = %(license_id)s
 ORDER BY member_id LIMIT 50
