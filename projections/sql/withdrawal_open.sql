-- The next licenses to ask for; what was put off comes last.
SELECT bucket, member_id, license_id, attempts
  FROM withdrawal_item
 WHERE withdrawal_id = %(id)s AND outcome IS NULL AND attempts <= %(attempts)s
 ORDER BY bucket, member_id, license_id LIMIT %(limit)s
