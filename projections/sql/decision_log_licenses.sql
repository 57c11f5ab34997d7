-- What some licenses are for.
SELECT bucket, member_id, license_id, title_id, studio
  FROM {decision_log}_license
 WHERE (bucket, member_id, license_id) IN
       (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[], %(licenses)s::text[]))
