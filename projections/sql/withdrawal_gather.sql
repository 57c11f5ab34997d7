-- Put down the active licenses of some buckets, once each.
INSERT INTO withdrawal_item (bucket, withdrawal_id, member_id, license_id)
SELECT l.bucket, %(id)s, l.member_id, l.license_id
  FROM {license_index} l
 WHERE (l.title_id = ANY(%(titles)s::text[]) OR l.studio = %(studio)s)
   AND l.status = 'active' AND l.issued_at <= %(until)s AND l.expires_at > %(now)s
   AND (l.playback_expires_at IS NULL OR l.playback_expires_at > %(now)s)
   AND l.bucket BETWEEN %(low)s AND %(high)s
 ORDER BY l.bucket, l.member_id, l.license_id
ON CONFLICT (bucket, withdrawal_id, member_id, license_id) DO NOTHING
