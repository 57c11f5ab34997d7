-- What became known on each day, by type.
SELECT day, type, sum(events)::bigint, sum(late_hour)::bigint, sum(late_day)::bigint,
       sum(late_week)::bigint, sum(late_longer)::bigint
  FROM {daily_activity}
 WHERE day BETWEEN %(since)s AND %(until)s
 GROUP BY day, type
 ORDER BY day, type
