-- Forget one bucket.
WITH devices AS (DELETE FROM license_index_device WHERE bucket = %(bucket)s)
DELETE FROM license_index WHERE bucket = %(bucket)s
