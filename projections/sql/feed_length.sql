-- How many events there are.
SELECT coalesce(sum(position), 0)::bigint FROM bucket_head
