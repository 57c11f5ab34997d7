-- What was done with each studio's titles in some days, and how many licenses are open today.
SELECT studio,
       coalesce(sum(issued) FILTER (WHERE within), 0)::bigint,
       coalesce(sum(refused) FILTER (WHERE within), 0)::bigint,
       coalesce(sum(renewed) FILTER (WHERE within), 0)::bigint,
       coalesce(sum(renewals_refused) FILTER (WHERE within), 0)::bigint,
       coalesce(sum(played) FILTER (WHERE within), 0)::bigint,
       coalesce(sum(ended) FILTER (WHERE within), 0)::bigint,
       sum(issued - ended)::bigint
  FROM (SELECT u.*, day BETWEEN %(since)s AND %(until)s AS within FROM {studio_usage} u) u
 GROUP BY studio
 ORDER BY 2 DESC, studio
