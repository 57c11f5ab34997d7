-- How often each row, for each reason, refused since an instant; the most frequent first.
SELECT row_id, reason, count(*), count(DISTINCT (bucket, member_id)), max(decided_at)
  FROM {decision_log}
 WHERE outcome = 'refused' AND decided_at >= %(since)s
 GROUP BY row_id, reason
 ORDER BY count(*) DESC, row_id, reason
