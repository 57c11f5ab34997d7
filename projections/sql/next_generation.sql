-- Ask for a rebuild: every checkpoint of the older generation is rebuilt by the next runner.
UPDATE projection SET generation = generation + 1 WHERE name = %(name)s RETURNING generation
