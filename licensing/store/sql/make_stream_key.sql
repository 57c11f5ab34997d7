-- The stream's key, made of the one offered where there was none.
SELECT * FROM make_stream_key(%(bucket)b, %(stream_id)b, %(offered)b)
