-- Closes a stream for ever, with its key and keyframes destroyed.
SELECT * FROM erase_stream(%(bucket)b, %(stream_id)b)
