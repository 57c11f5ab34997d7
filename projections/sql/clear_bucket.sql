-- Forget what an older build left in one bucket of a table.
DELETE FROM {table} WHERE bucket = %(bucket)s
