-- Which builds there are, by the version of the code that writes them.
SELECT projection, version, state FROM projection_build WHERE state <> 'cancelled'
