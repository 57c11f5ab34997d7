-- Some keyframes of one fold by chance. Asks every bucket: for audits, not for the hot path.
SELECT stream_id, version
  FROM snapshot
 WHERE bucket BETWEEN 0 AND 1023 AND fold_version = %(fold_version)b
 ORDER BY random()
 LIMIT %(count)b
