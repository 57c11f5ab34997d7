-- Forget one bucket.
DELETE FROM member_directory WHERE bucket = %(bucket)s
