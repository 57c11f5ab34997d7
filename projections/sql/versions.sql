-- The version of the code that writes each projection: newer code fences older workers off.
SELECT name, version FROM projection WHERE name = ANY(%(names)s)
