-- The side of each projection that is read.
SELECT projection, side FROM projection_build WHERE state = 'live'
