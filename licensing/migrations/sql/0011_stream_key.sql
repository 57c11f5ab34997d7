-- The key of each stream that holds personal text; itself encrypted under the installation's data key.
-- Destroying it erases the text, wherever its ciphertext has travelled, and leaves the chain whole.
CREATE TABLE stream_key (
  bucket      integer     NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id   text        NOT NULL,
  wrapped     bytea       NOT NULL,
  created_at  timestamptz NOT NULL DEFAULT clock_timestamp(),
  PRIMARY KEY (bucket, stream_id)
);

-- The stream's key: the one it has, else the one offered; null for an erased stream, which gets none.
CREATE FUNCTION make_stream_key(p_bucket integer, p_stream_id text, p_offered bytea) RETURNS bytea
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  erased timestamptz;
  found  bytea;
BEGIN
  -- Held against an erasure: none can destroy the key before it is made.
  SELECT s.erased_at INTO erased FROM stream_head s
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR SHARE;
  IF erased IS NOT NULL THEN
    RETURN NULL;
  END IF;
  INSERT INTO stream_key (bucket, stream_id, wrapped) VALUES (p_bucket, p_stream_id, p_offered)
  ON CONFLICT DO NOTHING;
  SELECT k.wrapped INTO STRICT found FROM stream_key k
   WHERE k.bucket = p_bucket AND k.stream_id = p_stream_id;
  RETURN found;
END
$$;

-- Closes a stream for ever: no more appends, its key and its keyframes gone. A second time is a repeat.
CREATE FUNCTION erase_stream(
  p_bucket         integer,
  p_stream_id      text,
  OUT o_version    integer,
  OUT o_erased_at  timestamptz,
  OUT o_key        boolean,       -- whether there was a key to destroy
  OUT o_keyframes  integer
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
BEGIN
  INSERT INTO stream_head (bucket, stream_id, version, last_hash, command_seq)
  VALUES (p_bucket, p_stream_id, 0, sha256(convert_to(p_stream_id, 'UTF8')), 0)
  ON CONFLICT DO NOTHING;
  UPDATE stream_head s SET erased_at = coalesce(s.erased_at, clock_timestamp())
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id
  RETURNING s.version, s.erased_at INTO STRICT o_version, o_erased_at;
  DELETE FROM stream_key k WHERE k.bucket = p_bucket AND k.stream_id = p_stream_id;
  o_key := FOUND;
  DELETE FROM snapshot_page p WHERE p.bucket = p_bucket AND p.stream_id = p_stream_id;
  DELETE FROM snapshot p WHERE p.bucket = p_bucket AND p.stream_id = p_stream_id;
  GET DIAGNOSTICS o_keyframes = ROW_COUNT;
END
$$;

-- Keyframes of before hold text in plain words; they are folded again under their stream's key.
TRUNCATE snapshot, snapshot_page;

DO $$
DECLARE
  functions CONSTANT text := 'make_stream_key(integer, text, bytea), erase_stream(integer, text)';
BEGIN
  EXECUTE 'REVOKE ALL ON FUNCTION ' || functions || ' FROM PUBLIC';
  REVOKE ALL ON TABLE stream_key FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    REVOKE ALL ON TABLE stream_key FROM playhead_app;
    GRANT SELECT ON TABLE stream_key TO playhead_app;
    EXECUTE 'GRANT EXECUTE ON FUNCTION ' || functions || ' TO playhead_app';
  END IF;
END
$$;
