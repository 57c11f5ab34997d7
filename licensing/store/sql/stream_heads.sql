-- Where several streams of one bucket stand; those without events are left out.
SELECT stream_id, version, recorded_at
  FROM stream_head
 WHERE bucket = %(bucket)b AND stream_id = ANY (%(streams)b) AND version > 0
