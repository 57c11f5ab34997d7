-- Have a build that waits for a person compared anew; one that is being compared goes on.
UPDATE projection_build SET comparing = %(comparing)s::jsonb, comparison = NULL
 WHERE projection = %(name)s AND generation = %(generation)s AND comparing IS NULL
