-- Move a checkpoint, if it still stands where this worker found it.
UPDATE projection_checkpoint
   SET position = %(to)s, generation = %(wanted)s
 WHERE bucket = %(bucket)s AND projection = %(projection)s
   AND position = %(position)s AND generation = %(generation)s
