-- How far the comparison of a build came.
SELECT comparing::text FROM projection_build
 WHERE projection = %(projection)s AND generation = %(generation)s
