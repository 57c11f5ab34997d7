-- Count the events of some buckets onward from where they were counted to, and move that mark.
WITH todo AS (
    SELECT h.bucket, coalesce(c.position, 0) AS after,
           least(h.position, coalesce(c.position, 0) + %(limit)s) AS until
      FROM bucket_head h LEFT JOIN event_census c USING (bucket)
     WHERE h.position > coalesce(c.position, 0)
     ORDER BY h.bucket LIMIT %(buckets)s
), counted AS (
    SELECT e.bucket, split_part(e.stream_id, '-', 1) AS category, e.type, e.schema_version,
           count(*) AS count, sum(octet_length(e.data::text)) AS bytes,
           max(octet_length(e.data::text)) AS largest, min(e.appended_at) AS first_at,
           max(e.appended_at) AS last_at
      FROM todo JOIN event e ON e.bucket = todo.bucket AND e.position > todo.after
                            AND e.position <= todo.until
     GROUP BY 1, 2, 3, 4
), kinds AS (
    INSERT INTO event_kind AS k
           (bucket, category, type, schema_version, count, bytes, largest, first_at, last_at)
    SELECT * FROM counted ORDER BY 1, 2, 3, 4
    ON CONFLICT (bucket, category, type, schema_version) DO UPDATE
       SET count = k.count + excluded.count, bytes = k.bytes + excluded.bytes,
           largest = greatest(k.largest, excluded.largest),
           first_at = least(k.first_at, excluded.first_at),
           last_at = greatest(k.last_at, excluded.last_at)
), marks AS (
    INSERT INTO event_census AS c (bucket, position)
    SELECT bucket, until FROM todo ORDER BY bucket
    ON CONFLICT (bucket) DO UPDATE SET position = excluded.position
)
SELECT coalesce(sum(until - after), 0)::bigint FROM todo
