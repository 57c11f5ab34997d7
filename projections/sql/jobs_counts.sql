-- What the jobs have before them and behind them.
SELECT kind, count(*) FILTER (WHERE due) AS due,
       count(*) FILTER (WHERE due AND a.attempts > 0) AS tried,
       min(due_at) FILTER (WHERE NOT due) AS next_due_at,
       min(due_at) FILTER (WHERE due) AS oldest_due_at
  FROM (SELECT bucket, member_id, license_id, 'renew' AS kind, renew_at AS due_at,
               renew_at <= %(now)s AS due
          FROM renewal_calendar
         WHERE active AND renew_at IS NOT NULL AND ends_at > %(now)s
        UNION ALL
        SELECT bucket, member_id, license_id, 'expire', ends_at, ends_at <= %(now)s
          FROM renewal_calendar WHERE active) c
  LEFT JOIN job_attempt a USING (bucket, member_id, license_id, kind, due_at)
 WHERE a.outcome IS NULL
 GROUP BY kind ORDER BY kind
