-- Forget some members in one table.
DELETE FROM {table} AS t USING jsonb_to_recordset(%(rows)s::jsonb) AS r (bucket integer, member_id text)
 WHERE t.bucket = r.bucket AND t.member_id = r.member_id
