-- Some streams with events by chance. Asks every bucket: for audits.
SELECT stream_id FROM stream_head WHERE bucket BETWEEN 0 AND 1023 AND version > 0 ORDER BY random() LIMIT %(count)b
