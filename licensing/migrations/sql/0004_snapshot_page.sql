-- Keyframes keep what grows with a history in pages of their own, named by their content, so that two
-- keyframes share the pages that did not change between them and a page that is damaged or gone shows.
-- Disposable like the keyframes: deletable at any time without loss.
CREATE TABLE snapshot_page (
  bucket     integer NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id  text    NOT NULL,
  digest     bytea   NOT NULL CHECK (octet_length(digest) = 16),
  content    bytea   NOT NULL, -- zlib; the digest is that of what was packed
  PRIMARY KEY (bucket, stream_id, digest)
);

DO $$
BEGIN
  REVOKE ALL ON TABLE snapshot_page FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    REVOKE ALL ON TABLE snapshot_page FROM playhead_app;
    GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE snapshot_page TO playhead_app;
  END IF;
END
$$;
