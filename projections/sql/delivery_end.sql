-- A message was begun and ended; nobody was lost over it.
DELETE FROM task_delivery WHERE message_id = %(id)s AND gave_up_at IS NULL
