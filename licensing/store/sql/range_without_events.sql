-- The commands of some names in a range of buckets that caused no event, and what they said at some paths where
-- nothing of that may be hidden in their sealed part.
SELECT stream_id, first_version, name, outcome ->> 'outcome', outcome #>> '{decision,rules,hash}',
       outcome #>> '{decision,reason}', outcome ->> 'decision', data #>> '{title,studio}', decided_at,
       data ->> 'license_id',
       CASE WHEN cardinality(%(paths)b::text[]) > 0 AND NOT (%(hidden)b AND data ? '$sealed') THEN
         ARRAY(SELECT coalesce((data #> string_to_array(path, '.'))::text, 'null')
                 FROM unnest(%(paths)b::text[]) WITH ORDINALITY AS asked(path, n) ORDER BY n) END
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND last_version < first_version AND name = ANY (%(names)b) AND decided_at <= %(until)b
