-- Who is at a limit now, the latest first, after the place where the last page ended.
SELECT bucket, member_id, limit_name, scope, version, label, used, most, since,
       nullif(until, 'infinity')
  FROM {limit_watch}
 WHERE since <= %(now)s AND until > %(now)s
   AND (%(limit_name)s::text IS NULL OR limit_name = %(limit_name)s)
   AND (%(before)s::timestamptz IS NULL
        OR (since, member_id, version, limit_name, scope)
         < (%(before)s, %(member_id)s, %(version)s, %(after_limit)s, %(after_scope)s))
 ORDER BY since DESC, member_id DESC, version DESC, limit_name DESC, scope DESC
 LIMIT %(limit)s
