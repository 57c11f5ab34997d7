-- Some licenses, each of a member of its own.
SELECT bucket, member_id, license_id, title_id, title_name, studio, device_id, device_type,
       status, reason, issued_at, expires_at, playback_expires_at, renewals, ended_at,
       last_version
  FROM {license_index}
 WHERE (member_id, license_id) IN
       (SELECT * FROM unnest(%(members)s::text[], %(licenses)s::text[]))
   AND license_id = ANY(%(licenses)s)
