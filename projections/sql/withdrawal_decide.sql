-- Let another person say yes or no to a withdrawal that waits for one.
UPDATE withdrawal
   SET state = %(state)s, second_id = %(second_id)s, second_name = %(second_name)s,
       second_at = clock_timestamp(), answer = %(answer)s, touched_at = clock_timestamp(),
       finished_at = CASE WHEN %(state)s = 'rejected' THEN clock_timestamp() END
 WHERE id = %(id)s AND state = 'asked' AND by_id <> %(second_id)s
   AND asked_at > clock_timestamp() - make_interval(hours => %(hours)s)
