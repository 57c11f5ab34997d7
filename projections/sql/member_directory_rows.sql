-- The rows of some members.
SELECT bucket, member_id, plan, country, events, refusals,
       first_event_at, last_event_at, last_type, last_version
  FROM {member_directory}
 WHERE (bucket, member_id) IN (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[]))
