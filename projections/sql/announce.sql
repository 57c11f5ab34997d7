-- Make a projection known; a newer version of its code asks for a rebuild of every bucket.
INSERT INTO projection AS p (name, version)
VALUES (%(name)s, %(version)s)
ON CONFLICT (name) DO UPDATE
   SET version = excluded.version, generation = p.generation + 1
 WHERE p.version < excluded.version
