-- The two pure functions that the tables and the append share with the application.

-- The bucket of a stream: the first four bytes of its SHA-256, big-endian, modulo 1024, which are the
-- last ten bits of those four bytes. Part of every primary key, so it may never change.
CREATE FUNCTION bucket_of(stream_id text) RETURNS integer
LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$
  SELECT ((get_byte(sha256(convert_to(stream_id, 'UTF8')), 2) & 3) << 8)
       | get_byte(sha256(convert_to(stream_id, 'UTF8')), 3)
$$;

-- One link of a stream's hash chain. Every part has a fixed length, so no two inputs read alike;
-- instants are microseconds since 2000-01-01 UTC, as PostgreSQL sends them.
CREATE FUNCTION chain_link(
  previous bytea, content bytea, version bigint, "position" bigint,
  occurred_at timestamptz, recorded_at timestamptz
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(previous || content || int8send(version) || int8send("position")
                || timestamptz_send(occurred_at) || timestamptz_send(recorded_at))
$$;
