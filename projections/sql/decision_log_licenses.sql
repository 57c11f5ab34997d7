-- What some licenses of one bucket are for.
SELECT bucket, member_id, license_id, title_id, studio
  FROM decision_log_license
 WHERE bucket = %(bucket)s
   AND (member_id, license_id) IN
       (SELECT * FROM unnest(%(members)s::text[], %(licenses)s::text[]))
