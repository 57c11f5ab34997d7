-- How many members, events and refusals the directory knows.
SELECT count(*), coalesce(sum(events), 0)::bigint, coalesce(sum(refusals), 0)::bigint
  FROM {member_directory}
