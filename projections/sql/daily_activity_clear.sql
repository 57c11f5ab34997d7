-- Forget one bucket.
DELETE FROM daily_activity WHERE bucket = %(bucket)s
