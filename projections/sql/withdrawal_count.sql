-- How many active licenses a withdrawal would be about, and of how many members.
SELECT count(*), count(DISTINCT l.member_id)
  FROM {license_index} l
 WHERE (l.title_id = ANY(%(titles)s::text[]) OR l.studio = %(studio)s)
   AND l.status = 'active' AND l.issued_at <= %(until)s AND l.expires_at > %(now)s
   AND (l.playback_expires_at IS NULL OR l.playback_expires_at > %(now)s)
