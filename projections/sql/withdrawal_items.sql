-- A page of the licenses with one outcome, in the order of their places.
SELECT bucket, member_id, license_id, outcome, detail, version, ended_at
  FROM withdrawal_item
 WHERE withdrawal_id = %(id)s AND outcome = %(outcome)s
   AND (bucket, member_id, license_id) > (%(bucket)s, %(member_id)s, %(license_id)s)
 ORDER BY bucket, member_id, license_id LIMIT %(limit)s
