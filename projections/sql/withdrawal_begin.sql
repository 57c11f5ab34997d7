-- Keep a withdrawal, with how long the feeds are now; the same id again changes nothing.
INSERT INTO withdrawal
       (id, kind, name, until, reason, case_id, shown, members, state, by_kind, by_id, by_name,
        by_roles, heads)
SELECT %(id)s, %(kind)s, %(name)s, %(until)s, %(reason)s, %(case_id)s, %(shown)s, %(members)s,
       %(state)s, %(by_kind)s, %(by_id)s, %(by_name)s, %(by_roles)s,
       array_agg(coalesce(h.position, 0) ORDER BY b.bucket)
  FROM generate_series(0, 1023) AS b (bucket) LEFT JOIN bucket_head h ON h.bucket = b.bucket
ON CONFLICT (id) DO NOTHING
