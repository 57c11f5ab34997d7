-- Count a delivery of a message; one that came too often is given up.
INSERT INTO task_delivery AS d (message_id, task, first_at, last_at)
VALUES (%(id)s, %(task)s, clock_timestamp(), clock_timestamp())
ON CONFLICT (message_id) DO UPDATE
   SET deliveries = d.deliveries + 1, last_at = clock_timestamp(),
       gave_up_at = CASE WHEN d.deliveries >= %(most)s THEN coalesce(d.gave_up_at, clock_timestamp()) END
RETURNING gave_up_at IS NULL
