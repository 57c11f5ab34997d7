-- What is due at an instant and not done, oldest first.
SELECT c.bucket, c.member_id, c.license_id, c.kind, c.due_at
  FROM (SELECT bucket, member_id, license_id, 'renew' AS kind, renew_at AS due_at
          FROM {renewal_calendar} WHERE active AND renew_at <= %(now)s AND ends_at > %(now)s
        UNION ALL
        SELECT bucket, member_id, license_id, 'expire', ends_at
          FROM {renewal_calendar} WHERE active AND ends_at <= %(now)s) c
  LEFT JOIN job_attempt a USING (bucket, member_id, license_id, kind, due_at)
 WHERE a.outcome IS NULL
 ORDER BY c.due_at, c.member_id, c.license_id LIMIT %(limit)s
