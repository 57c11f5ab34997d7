-- The decisions of one row, newest first, after the place where the last page ended.
SELECT bucket, member_id, version, decided_at, command, outcome, reason, row_id, rules,
       license_id, title_id, studio, country, plan
  FROM {decision_log}
 WHERE row_id = %(row_id)s
   AND (%(outcome)s::text IS NULL OR outcome = %(outcome)s)
   AND (%(before)s::timestamptz IS NULL
        OR (decided_at, member_id, version) < (%(before)s, %(member_id)s, %(version)s))
 ORDER BY decided_at DESC, member_id DESC, version DESC
 LIMIT %(limit)s
