-- Where every bucket's feed stands.
SELECT bucket, position FROM bucket_head ORDER BY bucket
