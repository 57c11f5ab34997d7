-- What folds need of a stream's events after a version, up to another, in order.
SELECT version, type, schema_version, data::text, occurred_at, recorded_at,
       metadata #>> '{decision,rules,hash}', hash
  FROM event
 WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b
   AND version > %(after)b AND version <= %(until)b
 ORDER BY version
 LIMIT %(limit)b
