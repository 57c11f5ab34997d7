-- Add counts, given as JSON, in key order.
INSERT INTO {studio_usage} AS u
       (bucket, studio, day, issued, refused, renewed, renewals_refused, played, ended)
SELECT bucket, studio, day, issued, refused, renewed, renewals_refused, played, ended
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, studio text, day date, issued bigint, refused bigint, renewed bigint,
        renewals_refused bigint, played bigint, ended bigint)
 ORDER BY bucket, studio, day
ON CONFLICT (bucket, studio, day) DO UPDATE SET
    issued = u.issued + excluded.issued, refused = u.refused + excluded.refused,
    renewed = u.renewed + excluded.renewed,
    renewals_refused = u.renewals_refused + excluded.renewals_refused,
    played = u.played + excluded.played, ended = u.ended + excluded.ended
