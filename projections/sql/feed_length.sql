-- How many events the feed holds, in all buckets together.
SELECT coalesce(sum(position), 0)::bigint FROM bucket_head
