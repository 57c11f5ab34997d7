-- Late reports since an instant by the hour in which they came.
SELECT date_trunc('hour', recorded_at, 'UTC') AS hour, count(*)
  FROM {late_report} WHERE recorded_at >= %(since)s
 GROUP BY hour ORDER BY hour
