-- The rows of some members of one bucket.
SELECT bucket, member_id, plan, country, events, refusals,
       first_event_at, last_event_at, last_type, last_version
  FROM member_directory
 WHERE bucket = %(bucket)s AND member_id = ANY(%(members)s)
