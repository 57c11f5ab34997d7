-- How many active licenses were issued after a withdrawal's instant.
SELECT count(*)
  FROM {license_index} l
 WHERE (l.title_id = ANY(%(titles)s::text[]) OR l.studio = %(studio)s)
   AND l.status = 'active' AND l.issued_at > %(until)s AND l.expires_at > %(now)s
   AND (l.playback_expires_at IS NULL OR l.playback_expires_at > %(now)s)
