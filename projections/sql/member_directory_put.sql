-- Write whole rows, given as JSON, in key order.
INSERT INTO {member_directory}
       (bucket, member_id, plan, country, events, refusals,
        first_event_at, last_event_at, last_type, last_version)
SELECT bucket, member_id, plan, country, events, refusals,
       first_event_at, last_event_at, last_type, last_version
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, plan text, country text, events bigint, refusals bigint,
        first_event_at timestamptz, last_event_at timestamptz, last_type text,
        last_version bigint)
 ORDER BY bucket, member_id
ON CONFLICT (bucket, member_id) DO UPDATE SET
    plan = excluded.plan, country = excluded.country,
    events = excluded.events, refusals = excluded.refusals,
    first_event_at = excluded.first_event_at, last_event_at = excluded.last_event_at,
    last_type = excluded.last_type, last_version = excluded.last_version
