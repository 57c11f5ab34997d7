-- Forget one bucket.
WITH members AS (DELETE FROM limit_watch_member WHERE bucket = %(bucket)s)
DELETE FROM limit_watch WHERE bucket = %(bucket)s
