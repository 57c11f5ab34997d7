-- Forget one bucket.
DELETE FROM renewal_calendar WHERE bucket = %(bucket)s
