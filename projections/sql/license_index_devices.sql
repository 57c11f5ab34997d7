-- Who has a device with this id, and how many licenses are active on it.
SELECT d.member_id, d.device_id, d.type, d.registered_at,
       count(l.license_id) FILTER (WHERE l.status = 'active') AS active
  FROM {license_index}_device d
  LEFT JOIN {license_index} l USING (bucket, member_id, device_id)
 WHERE d.device_id = %(device_id)s
 GROUP BY d.bucket, d.member_id, d.device_id
 ORDER BY d.member_id LIMIT 50
