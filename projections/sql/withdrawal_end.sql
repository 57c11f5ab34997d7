-- Keep what came of some licenses, each once; gives back those whose end this is.
UPDATE withdrawal_item i
   SET outcome = r.outcome, detail = r.detail, version = r.version, attempts = r.attempts,
       ended_at = CASE WHEN r.outcome IS NOT NULL THEN clock_timestamp() END
  FROM jsonb_to_recordset(%(rows)s::jsonb) AS r
       (bucket integer, member_id text, license_id text, outcome text, detail text, version bigint,
        attempts integer)
 WHERE (i.bucket, i.withdrawal_id, i.member_id, i.license_id)
     = (r.bucket, %(id)s::uuid, r.member_id, r.license_id)
   AND i.outcome IS NULL
RETURNING i.member_id, i.license_id, i.outcome, i.version
