-- Forget a member in one table.
DELETE FROM {table} WHERE bucket = %(bucket)s AND member_id = %(member_id)s
