-- The wrapped key of a stream that has one.
SELECT wrapped FROM stream_key WHERE bucket = %(bucket)b AND stream_id = %(stream_id)b
