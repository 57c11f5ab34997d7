-- The members to whom something happened last, newest first.
SELECT member_id, plan, country, events, refusals, first_event_at, last_event_at,
       last_type, last_version, 'recent'
  FROM {member_directory}
 WHERE %(before)s::timestamptz IS NULL
    OR last_event_at < %(before)s
    OR (last_event_at = %(before)s AND member_id > %(after)s)
 ORDER BY last_event_at DESC, member_id LIMIT %(limit)s
