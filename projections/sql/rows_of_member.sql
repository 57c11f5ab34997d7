-- How many rows of one table name a member.
SELECT count(*) FROM {table} WHERE bucket = %(bucket)s AND member_id = %(member_id)s
