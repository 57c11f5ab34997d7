-- Take slices that nobody holds, for some seconds.
UPDATE projection_lease l
   SET owner = %(owner)s, until = clock_timestamp() + make_interval(secs => %(seconds)s)
  FROM (SELECT slice FROM projection_lease
         WHERE slice = ANY(%(slices)s::int[]) AND until <= clock_timestamp()
         ORDER BY random() LIMIT %(most)s
           FOR UPDATE SKIP LOCKED) free
 WHERE l.slice = free.slice
RETURNING l.slice
