-- Keep everybody else from changing which build of a projection is what.
SELECT generation FROM projection_build WHERE projection = %(name)s ORDER BY generation FOR UPDATE
