-- Messages that ended their worker, or are being worked on; the given up first.
SELECT message_id, task, deliveries, first_at, last_at, gave_up_at
  FROM task_delivery
 WHERE gave_up_at IS NOT NULL OR deliveries > 1
 ORDER BY gave_up_at DESC NULLS LAST, last_at DESC LIMIT %(limit)s
