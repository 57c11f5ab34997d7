-- Refusals since an instant by row and hour, in the order of time.
SELECT date_trunc('hour', decided_at, 'UTC') AS hour, row_id, count(*)
  FROM {decision_log}
 WHERE outcome = 'refused' AND decided_at >= %(since)s
 GROUP BY hour, row_id
 ORDER BY hour, row_id
