-- Plan and country of some members.
SELECT bucket, member_id, plan, country
  FROM {decision_log}_member
 WHERE (bucket, member_id) IN (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[]))
