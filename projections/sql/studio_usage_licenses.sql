-- The studios of some licenses of one bucket, and whether they ended.
SELECT bucket, member_id, license_id, studio, ended
  FROM studio_usage_license
 WHERE bucket = %(bucket)s
   AND (member_id, license_id) IN
       (SELECT * FROM unnest(%(members)s::text[], %(licenses)s::text[]))
