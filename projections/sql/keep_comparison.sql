-- Keep what a comparison found.
UPDATE projection_build SET comparison = %(comparison)s::jsonb, comparing = NULL
 WHERE projection = %(name)s AND generation = %(generation)s
