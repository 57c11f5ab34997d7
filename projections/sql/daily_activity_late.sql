-- How many events became known late in some days, by their delay.
SELECT coalesce(sum(events), 0)::bigint, coalesce(sum(late_hour), 0)::bigint,
       coalesce(sum(late_day), 0)::bigint, coalesce(sum(late_week), 0)::bigint,
       coalesce(sum(late_longer), 0)::bigint
  FROM {daily_activity}
 WHERE day BETWEEN %(since)s AND %(until)s
