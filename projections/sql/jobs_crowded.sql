-- Whether more is due than one sweep does in a page or two.
SELECT count(*) > %(many)s
  FROM (SELECT FROM {renewal_calendar} WHERE active AND ends_at <= %(now)s LIMIT %(many)s + 1) e
  FULL JOIN (SELECT FROM {renewal_calendar} WHERE active AND renew_at <= %(now)s AND ends_at > %(now)s
              LIMIT %(many)s + 1) r ON false
