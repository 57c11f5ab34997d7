-- Forget the checkpoints of older builds of a side: whoever writes with them is fenced off.
DELETE FROM projection_checkpoint c
 USING projection_build b
 WHERE (b.projection, b.generation) = (c.projection, c.generation)
   AND b.projection = %(name)s AND b.side = %(side)s AND b.generation <> %(generation)s
