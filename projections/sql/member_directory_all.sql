-- All members in the order of their ids.
SELECT member_id, plan, country, events, refusals, first_event_at, last_event_at,
       last_type, last_version, 'listed'
  FROM {member_directory} WHERE member_id > %(after)s
 ORDER BY member_id LIMIT %(limit)s
