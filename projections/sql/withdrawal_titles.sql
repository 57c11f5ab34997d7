-- The titles that a withdrawal would be about, those with the most licenses first.
SELECT l.title_id, max(l.title_name), count(*)
  FROM {license_index} l
 WHERE (l.title_id = ANY(%(titles)s::text[]) OR l.studio = %(studio)s)
   AND l.status = 'active' AND l.issued_at <= %(until)s AND l.expires_at > %(now)s
   AND (l.playback_expires_at IS NULL OR l.playback_expires_at > %(now)s)
 GROUP BY l.title_id ORDER BY count(*) DESC, l.title_id LIMIT %(limit)s
