-- Forget one bucket.
DELETE FROM late_report WHERE bucket = %(bucket)s
