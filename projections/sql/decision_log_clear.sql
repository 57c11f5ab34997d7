-- Forget one bucket.
WITH licenses AS (DELETE FROM decision_log_license WHERE bucket = %(bucket)s),
     members AS (DELETE FROM decision_log_member WHERE bucket = %(bucket)s)
DELETE FROM decision_log WHERE bucket = %(bucket)s
