-- Forget one bucket.
WITH licenses AS (DELETE FROM studio_usage_license WHERE bucket = %(bucket)s)
DELETE FROM studio_usage WHERE bucket = %(bucket)s
