-- A second lock on history, for the owner too: refuses UPDATE, DELETE and TRUNCATE on events and commands.
-- Statement triggers, so that even a statement that touches no row is refused; ALWAYS, so that replica mode
-- does not skip them.
CREATE FUNCTION refuse_rewriting() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  RAISE EXCEPTION '% is append-only: % refused', TG_TABLE_NAME, TG_OP USING ERRCODE = 'insufficient_privilege';
END
$$;
REVOKE ALL ON FUNCTION refuse_rewriting() FROM PUBLIC;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON event
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
ALTER TABLE event ENABLE ALWAYS TRIGGER append_only;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON command_log
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
ALTER TABLE command_log ENABLE ALWAYS TRIGGER append_only;
