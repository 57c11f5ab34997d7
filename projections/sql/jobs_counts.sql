-- What the jobs have before them, by kind: due and when, next, in hand, failing, or given up.
WITH rows AS (
    SELECT 'renew' AS kind, c.renew_at AS due_at, a.attempts, a.claimed, a.last_error
      FROM {renewal_calendar} c
      LEFT JOIN job_attempt a ON (a.bucket, a.member_id, a.license_id, a.kind, a.due_at)
                               = (c.bucket, c.member_id, c.license_id, 'renew', c.renew_at)
     WHERE c.active AND c.renew_at <= %(now)s AND c.ends_at > %(now)s AND a.outcome IS NULL
    UNION ALL
    SELECT 'expire', c.ends_at, a.attempts, a.claimed, a.last_error
      FROM {renewal_calendar} c
      LEFT JOIN job_attempt a ON (a.bucket, a.member_id, a.license_id, a.kind, a.due_at)
                               = (c.bucket, c.member_id, c.license_id, 'expire', c.ends_at)
     WHERE c.active AND c.ends_at <= %(now)s AND a.outcome IS NULL
)
SELECT k.kind, count(r.due_at) AS due, count(*) FILTER (WHERE r.attempts > 0) AS tried,
       count(*) FILTER (WHERE r.claimed) AS in_hand,
       count(*) FILTER (WHERE r.last_error IS NOT NULL) AS failing,
       CASE k.kind
           WHEN 'renew' THEN (SELECT min(renew_at) FROM {renewal_calendar}
                               WHERE active AND renew_at > %(now)s)
           ELSE (SELECT min(ends_at) FROM {renewal_calendar} WHERE active AND ends_at > %(now)s)
       END AS next_due_at,
       min(r.due_at) AS oldest_due_at,
       (SELECT count(*) FROM job_attempt g
         WHERE g.outcome = 'gave up' AND g.finished_at IS NOT NULL AND g.kind = k.kind) AS given_up
  FROM (VALUES ('renew'), ('expire')) AS k (kind)
  LEFT JOIN rows r ON r.kind = k.kind
 GROUP BY k.kind ORDER BY k.kind DESC
