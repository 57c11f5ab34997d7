-- What is known of some members.
SELECT bucket, member_id, state::text
  FROM {limit_watch}_member
 WHERE (bucket, member_id) IN (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[]))
