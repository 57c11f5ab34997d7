-- The studios of some licenses, and whether they ended.
SELECT bucket, member_id, license_id, studio, ended
  FROM {studio_usage}_license
 WHERE (bucket, member_id, license_id) IN
       (SELECT * FROM unnest(%(buckets)s::int[], %(members)s::text[], %(licenses)s::text[]))
