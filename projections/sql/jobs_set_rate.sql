-- Bound how many of a kind are done in a second; null lifts the bound.
UPDATE job_control SET per_second = %(per_second)s, tokens = 0, refilled_at = clock_timestamp()
 WHERE kind = %(kind)s
