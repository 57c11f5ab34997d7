-- Lock one checkpoint that is free and stands where it was found.
SELECT position FROM projection_checkpoint
 WHERE bucket = %(bucket)s AND projection = %(projection)s AND generation = %(generation)s
   AND turn = %(turn)s
   FOR UPDATE SKIP LOCKED
