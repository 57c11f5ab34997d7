-- What is known of some members of one bucket.
SELECT bucket, member_id, state::text
  FROM limit_watch_member WHERE bucket = %(bucket)s AND member_id = ANY(%(members)s)
