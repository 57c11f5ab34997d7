-- Keep how far a comparison came.
UPDATE projection_build SET comparing = %(comparing)s::jsonb
 WHERE projection = %(name)s AND generation = %(generation)s
