-- Park a stream from one of its events on.
INSERT INTO projection_parked
       (bucket, projection, generation, stream_id, version, error, parked_at, next_attempt_at)
VALUES (%(bucket)s, %(projection)s, %(generation)s, %(stream_id)s, %(version)s, %(error)s,
        clock_timestamp(), clock_timestamp() + %(delay)s)
