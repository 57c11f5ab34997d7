-- Keep how far a comparison came, if nobody came to the end of it meanwhile.
UPDATE projection_build SET comparing = %(comparing)s::jsonb
 WHERE projection = %(name)s AND generation = %(generation)s
   AND (state = 'building' OR comparing IS NOT NULL)
