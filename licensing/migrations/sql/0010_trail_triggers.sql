-- The second lock on the audit trail, for the owner too; see 0002.
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_entry
  FOR EACH STATEMENT EXECUTE FUNCTION refuse_rewriting();
ALTER TABLE audit_entry ENABLE ALWAYS TRIGGER append_only;
