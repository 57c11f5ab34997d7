-- Ask once more for what was refused in a withdrawal that came to its end.
WITH run AS (
    SELECT id FROM withdrawal WHERE id = %(id)s AND state = 'done' AND refused > 0 FOR UPDATE
), opened AS (
    UPDATE withdrawal_item i SET outcome = NULL, attempts = 0, detail = '', ended_at = NULL
      FROM run WHERE i.withdrawal_id = run.id AND i.outcome = 'refused'
    RETURNING 1
)
UPDATE withdrawal w
   SET refused = w.refused - (SELECT count(*) FROM opened), state = 'waiting', finished_at = NULL,
       touched_at = clock_timestamp()
  FROM run WHERE w.id = run.id
