-- Plan and country of some members of one bucket.
SELECT bucket, member_id, plan, country
  FROM decision_log_member WHERE bucket = %(bucket)s AND member_id = ANY(%(members)s)
