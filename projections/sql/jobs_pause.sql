-- Let a kind of job rest, or go on.
UPDATE job_control
   SET paused_at = CASE WHEN %(paused)s THEN coalesce(paused_at, clock_timestamp()) END,
       paused_by = CASE WHEN %(paused)s THEN %(by)s END,
       reason = CASE WHEN %(paused)s THEN %(reason)s END
 WHERE kind = %(kind)s
