-- What was done with one studio's titles, day by day.
SELECT day, sum(issued)::bigint, sum(refused)::bigint, sum(renewed)::bigint,
       sum(renewals_refused)::bigint, sum(played)::bigint, sum(ended)::bigint
  FROM {studio_usage}
 WHERE studio = %(studio)s AND day BETWEEN %(since)s AND %(until)s
 GROUP BY day
 ORDER BY day
