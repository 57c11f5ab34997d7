-- What rules decided in a range of buckets until an instant, and what this build cannot read, in no order: a
-- range of the log is read once from front to end. The record itself only where it is asked for, and what the
-- event says at some paths where nothing of them may be hidden in its sealed part.
SELECT stream_id, version, type, type || ' ' || schema_version = ANY (%(known)b), occurred_at,
       metadata #>> '{decision,rules,hash}', metadata #>> '{decision,facts}',
       CASE WHEN type = ANY (%(refusals)b) THEN data ->> 'reason' END,
       CASE WHEN %(records)b THEN metadata ->> 'decision' END,
       CASE WHEN %(records)b THEN data #>> '{title,studio}' END,
       CASE WHEN cardinality(%(paths)b::text[]) > 0 THEN data ->> 'license_id' END,
       CASE WHEN cardinality(%(paths)b::text[]) > 0 AND NOT (%(hidden)b AND data ? '$sealed') THEN
         ARRAY(SELECT coalesce((data #> string_to_array(path, '.'))::text, 'null')
                 FROM unnest(%(paths)b::text[]) WITH ORDINALITY AS asked(path, n) ORDER BY n) END
  FROM event
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND recorded_at <= %(until)b
   AND (type = ANY (%(types)b) OR type || ' ' || schema_version <> ALL (%(known)b))
