-- How many members were at a limit at each of the last hours, counted back from now.
SELECT at, (SELECT count(DISTINCT (bucket, member_id))
              FROM {limit_watch} WHERE since <= at AND until > at)
  FROM generate_series(%(now)s::timestamptz - make_interval(hours => %(count)s - 1),
                       %(now)s, interval '1 hour') AS at
 ORDER BY at
