-- The commands of some names in a range of buckets that caused no event.
SELECT stream_id, name, outcome ->> 'outcome', outcome #>> '{decision,rules,hash}',
       outcome #>> '{decision,facts}', decided_at
  FROM command_log
 WHERE bucket >= %(first)b AND bucket < %(end)b AND starts_with(stream_id, %(prefix)b)
   AND last_version < first_version AND name = ANY (%(names)b) AND decided_at <= %(until)b
