-- What one member asked for, newest first.
SELECT bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
       status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
       last_version
  FROM {license_index} WHERE bucket = %(bucket)s AND member_id = %(member_id)s
 ORDER BY issued_at DESC, license_id LIMIT %(limit)s
