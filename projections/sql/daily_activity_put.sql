-- Add counts, given as JSON, in key order.
INSERT INTO {daily_activity} AS d
       (bucket, day, type, events, late_hour, late_day, late_week, late_longer)
SELECT bucket, day, type, events, late_hour, late_day, late_week, late_longer
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, day date, type text, events bigint, late_hour bigint, late_day bigint,
        late_week bigint, late_longer bigint)
 ORDER BY bucket, day, type
ON CONFLICT (bucket, day, type) DO UPDATE SET
    events = d.events + excluded.events, late_hour = d.late_hour + excluded.late_hour,
    late_day = d.late_day + excluded.late_day, late_week = d.late_week + excluded.late_week,
    late_longer = d.late_longer + excluded.late_longer
