-- What a stream's head claims beside what its events say, in one snapshot.
SELECT (SELECT version FROM stream_head WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b),
       (SELECT last_hash FROM stream_head WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b),
       (SELECT max(version) FROM event WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b)
