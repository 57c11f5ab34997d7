-- Give back what one turn of a worker held.
UPDATE projection_lease SET until = '-infinity' WHERE owner = %(owner)s RETURNING slice
