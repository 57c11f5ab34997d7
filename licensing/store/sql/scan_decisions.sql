-- What rules decided in a range of buckets until an instant, and what this build cannot read, in no order: a
-- range of the log is read once from front to end. Of the types that are told sparingly only what can differ:
-- what was decided by rules that are not among those named, or whose facts contain a pattern given for the rules
-- that decided, or that says something of another type than it should; and all of some streams. What the event
-- says at some paths only where nothing of them may be hidden in its sealed part.
WITH reached AS (
  -- Rules with a pattern of null are named, and reach nothing.
  SELECT hash, type, array_agg(pattern) FILTER (WHERE pattern IS NOT NULL) AS patterns
    FROM unnest(%(hashes)b::text[], %(reached)b::text[], %(patterns)b::jsonb[]) AS asked (hash, type, pattern)
   GROUP BY hash, type
), decision AS (
  SELECT e.*, metadata #>> '{decision,rules,hash}' AS rules, metadata #> '{decision,facts}' AS facts,
         (schema_version = 1 AND type = ANY (%(known_first)b)) OR type || ' ' || schema_version = ANY (%(known)b)
           AS readable,
         cardinality(%(typed)b::text[]) > 0 AND EXISTS (
           SELECT FROM unnest(%(typed)b::text[], %(kinds)b::text[]) AS told (path, kind)
            WHERE jsonb_typeof(data #> string_to_array(path, '.')) <> 'null'
              AND CASE kind WHEN 'integer' THEN (data #> string_to_array(path, '.'))::text !~ '^-?[0-9]+$'
                            ELSE jsonb_typeof(data #> string_to_array(path, '.')) <> kind END) AS strange
    FROM event e
   -- The cheapest condition first, and the one that most rows fail: they are told apart millions of times.
   WHERE (type = ANY (%(types)b) OR NOT (schema_version = 1 AND type = ANY (%(known_first)b))
          AND type || ' ' || schema_version <> ALL (%(known)b))
     AND bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
     AND recorded_at <= %(until)b
)
SELECT stream_id, version, decision.type, readable, occurred_at, rules,
       CASE WHEN decision.type = ANY (%(refusals)b) THEN data ->> 'reason' END,
       metadata ->> 'decision', data #>> '{title,studio}', data ->> 'license_id',
       CASE WHEN cardinality(%(paths)b::text[]) > 0 AND NOT (%(hidden)b AND data ? '$sealed') THEN
         ARRAY(SELECT coalesce((data #> string_to_array(path, '.'))::text, 'null')
                 FROM unnest(%(paths)b::text[]) WITH ORDINALITY AS asked(path, n) ORDER BY n) END,
       coalesce(reached.hash IS NULL OR facts IS NULL OR facts @> ANY (patterns), false) OR strange, strange
  FROM decision LEFT JOIN reached ON reached.type = decision.type AND reached.hash = rules
 WHERE decision.type <> ALL (%(sparing)b) OR NOT readable
    OR reached.hash IS NULL OR facts IS NULL OR facts @> ANY (patterns) OR strange
    OR stream_id = ANY (%(whole)b)
