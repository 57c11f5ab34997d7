-- Take up the withdrawal that waits longest, or whose worker was not heard of again.
UPDATE withdrawal
   SET state = 'running', turn = turn + 1, touched_at = clock_timestamp(),
       lease_until = clock_timestamp() + %(lease)s,
       started_at = coalesce(started_at, clock_timestamp())
 WHERE id = (SELECT id FROM withdrawal
              WHERE (state = 'waiting' OR (state = 'running' AND lease_until < clock_timestamp()))
                AND (%(id)s::uuid IS NULL OR id = %(id)s::uuid)
              ORDER BY touched_at, id LIMIT 1 FOR UPDATE SKIP LOCKED)
RETURNING id, kind, name, until, reason, case_id, shown, members, state, by_kind, by_id, by_name,
       by_roles, asked_at, second_id, second_name, second_at, answer, stop_asked, slice, found,
       withdrawn, gone, refused, turn, started_at, finished_at, worked_s, error
