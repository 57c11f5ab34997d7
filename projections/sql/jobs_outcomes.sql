-- How many obligations ended how, by kind.
SELECT kind, outcome, sum(count)::bigint FROM job_tally GROUP BY kind, outcome
 ORDER BY kind, outcome
