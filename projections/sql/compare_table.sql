-- Rows of two sides that differ, in those of a few buckets where both builds stand at one place.
WITH level AS (
    SELECT o.bucket
      FROM projection_checkpoint o JOIN projection_checkpoint n USING (bucket, projection)
     WHERE o.projection = %(name)s AND o.generation = %(old)s AND n.generation = %(new)s
       AND o.position = n.position AND n.turn > 0 AND o.bucket BETWEEN %(first)s AND %(last)s
), old AS (SELECT t.bucket, to_jsonb(t) AS row FROM {old} t JOIN level USING (bucket)
          WHERE t.bucket BETWEEN %(first)s AND %(last)s),
   new AS (SELECT t.bucket, to_jsonb(t) AS row FROM {new} t JOIN level USING (bucket)
          WHERE t.bucket BETWEEN %(first)s AND %(last)s),
   gone AS (SELECT row FROM old EXCEPT ALL SELECT row FROM new),
   came AS (SELECT row FROM new EXCEPT ALL SELECT row FROM old)
SELECT (SELECT array_agg(bucket) FROM level), (SELECT count(*) FROM old),
       (SELECT count(*) FROM new), (SELECT count(*) FROM gone), (SELECT count(*) FROM came),
       (SELECT jsonb_agg(row)::text FROM (SELECT row FROM gone LIMIT 3) g),
       (SELECT jsonb_agg(row)::text FROM (SELECT row FROM came LIMIT 3) c)
