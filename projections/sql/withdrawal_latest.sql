-- Withdrawals, the latest first, from behind one of them on.
SELECT id, kind, name, until, reason, case_id, shown, members, state, by_kind, by_id, by_name,
       by_roles, asked_at, second_id, second_name, second_at, answer, stop_asked, slice, found,
       withdrawn, gone, refused, turn, started_at, finished_at, worked_s, error
  FROM withdrawal
 WHERE %(before)s::timestamptz IS NULL OR (asked_at, id) < (%(before)s, %(before_id)s::uuid)
 ORDER BY asked_at DESC, id DESC LIMIT %(limit)s
