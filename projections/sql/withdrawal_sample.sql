-- A few of the licenses that a withdrawal would be about: by chance, and the same ones again.
SELECT l.member_id, l.license_id, l.title_id, l.title_name, l.studio, l.device_id, l.device_type,
       l.issued_at, l.expires_at
  FROM {license_index} l
 WHERE (l.title_id = ANY(%(titles)s::text[]) OR l.studio = %(studio)s)
   AND l.status = 'active' AND l.issued_at <= %(until)s AND l.expires_at > %(now)s
   AND (l.playback_expires_at IS NULL OR l.playback_expires_at > %(now)s)
 ORDER BY md5(l.member_id || '/' || l.license_id), l.member_id LIMIT %(limit)s
