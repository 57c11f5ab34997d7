-- Nobody asks about a message for longer than this.
DELETE FROM task_delivery WHERE last_at < clock_timestamp() - %(age)s
