-- Append-only by law: the application may read the store and call its functions, and write snapshots.
DO $$
DECLARE
  functions CONSTANT text := 'bucket_of(text), '
    'chain_link(bytea, bytea, bigint, bigint, timestamptz, timestamptz), '
    'append_events(integer, text, integer, timestamptz, text, text, jsonb, bytea, jsonb, '
    'uuid[], text[], smallint[], jsonb[], jsonb[], timestamptz[], bytea[])';
  history CONSTANT text := 'stream_head, bucket_head, event, command_log';
BEGIN
  EXECUTE 'REVOKE ALL ON FUNCTION ' || functions || ' FROM PUBLIC';
  EXECUTE 'REVOKE ALL ON TABLE ' || history || ', snapshot FROM PUBLIC';
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    -- Default privileges may have granted writing when the tables were made.
    EXECUTE 'REVOKE ALL ON TABLE ' || history || ', snapshot FROM playhead_app';
    EXECUTE 'GRANT SELECT ON TABLE ' || history || ' TO playhead_app';
    EXECUTE 'GRANT SELECT, INSERT, UPDATE, DELETE ON TABLE snapshot TO playhead_app';
    EXECUTE 'GRANT EXECUTE ON FUNCTION ' || functions || ' TO playhead_app';
  END IF;
END
$$;
