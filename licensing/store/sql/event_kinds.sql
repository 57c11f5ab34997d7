-- Every sort of event with its count and one of its streams; a scan of all events, for audits.
SELECT type, schema_version, count(*), min(stream_id)
  FROM event
 WHERE bucket >= 0 AND bucket < %(buckets)b
 GROUP BY type, schema_version
 ORDER BY type, schema_version
