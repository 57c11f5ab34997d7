-- Some members by their ids.
SELECT member_id, plan, country, events, refusals, first_event_at, last_event_at,
       last_type, last_version, 'asked for'
  FROM {member_directory} WHERE member_id = ANY(%(members)s)
