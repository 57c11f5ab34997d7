-- How many obligations ended how, by kind.
SELECT kind, outcome, count(*), max(finished_at)
  FROM job_attempt WHERE outcome IS NOT NULL GROUP BY kind, outcome ORDER BY kind, outcome
