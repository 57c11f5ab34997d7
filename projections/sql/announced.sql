-- Which builds there are, by the version of the code that writes them, and which are to be finished.
SELECT projection, version,
       state = 'building' OR (state = 'ready' AND comparing IS NOT NULL)
  FROM projection_build WHERE state <> 'cancelled'
