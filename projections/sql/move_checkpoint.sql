-- Move a checkpoint that this transaction has locked.
UPDATE projection_checkpoint SET position = %(to)s, turn = turn + 1
 WHERE bucket = %(bucket)s AND projection = %(projection)s AND generation = %(generation)s
