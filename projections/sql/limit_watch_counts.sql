-- How many members are at each limit now; the most first.
SELECT limit_name, max(label), count(DISTINCT (bucket, member_id)) AS members
  FROM {limit_watch} WHERE since <= %(now)s AND until > %(now)s
 GROUP BY limit_name ORDER BY members DESC, limit_name
