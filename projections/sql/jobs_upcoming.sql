-- How many obligations fall due in each of the next hours, by kind.
SELECT kind, floor(extract(epoch FROM due_at - %(now)s) / 3600)::integer AS hour, count(*)
  FROM (SELECT 'renew' AS kind, renew_at AS due_at FROM {renewal_calendar}
         WHERE active AND renew_at > %(now)s AND renew_at <= %(until)s AND ends_at > renew_at
        UNION ALL
        SELECT 'expire', ends_at FROM {renewal_calendar}
         WHERE active AND ends_at > %(now)s AND ends_at <= %(until)s) c
 GROUP BY 1, 2 ORDER BY 1, 2
