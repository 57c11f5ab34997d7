-- Who looked at whom, who did what, and why. The application may add and read, and change nothing;
-- instants and numbers are the server's, so that they cannot be chosen by whoever writes.
CREATE TABLE audit_entry (
  id          bigint      GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  at          timestamptz NOT NULL DEFAULT clock_timestamp(),
  kind        text        NOT NULL CHECK (kind IN ('staff', 'key', 'command', 'job', 'nobody')),
  who         text        NOT NULL CHECK (length(who) <= 200),    -- a user's name, a key's id
  roles       text        NOT NULL CHECK (length(roles) <= 200),
  session     text        NOT NULL CHECK (length(session) <= 64), -- tells sign-ins apart
  address     text        NOT NULL CHECK (length(address) <= 64),
  request_id  text        NOT NULL CHECK (length(request_id) <= 64),
  action      text        NOT NULL CHECK (action <> '' AND length(action) <= 32),
  subject     text        NOT NULL CHECK (length(subject) <= 200), -- a member, a rule set, ...
  purpose     text        NOT NULL CHECK (length(purpose) <= 100), -- the page or the call
  reason      text        NOT NULL CHECK (length(reason) <= 500),
  detail      jsonb       NOT NULL CHECK (jsonb_typeof(detail) = 'object')
);
CREATE INDEX audit_entry_subject ON audit_entry (subject, id);
CREATE INDEX audit_entry_who ON audit_entry (who, id);
CREATE INDEX audit_entry_covered ON audit_entry (session, subject, purpose, at)
  WHERE action IN ('read', 'refused');

-- Adds a row for what is noted once in ten minutes, unless one covers it; for how many seconds it is
-- covered now. The lock lets one of two requests write it, whichever process they are in.
CREATE FUNCTION audit_cover(
  p_kind text, p_who text, p_roles text, p_session text, p_address text, p_request_id text,
  p_action text, p_subject text, p_purpose text
) RETURNS double precision
LANGUAGE plpgsql VOLATILE
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  noted timestamptz;
BEGIN
  PERFORM pg_advisory_xact_lock(
    hashtextextended(concat_ws(chr(31), p_session, p_who, p_subject, p_purpose, p_action), 8));
  SELECT max(e.at) INTO noted FROM audit_entry e
   WHERE e.session = p_session AND e.who = p_who AND e.subject = p_subject AND e.purpose = p_purpose
     AND e.action = p_action AND e.action IN ('read', 'refused')
     AND e.at > clock_timestamp() - interval '10 minutes';
  IF noted IS NOT NULL THEN
    RETURN extract(epoch FROM noted + interval '10 minutes' - clock_timestamp());
  END IF;
  INSERT INTO audit_entry (kind, who, roles, session, address, request_id, action, subject, purpose,
                           reason, detail)
  VALUES (p_kind, p_who, p_roles, p_session, p_address, p_request_id, p_action, p_subject, p_purpose,
          '', '{}');
  RETURN 600;
END
$$;

DO $$
DECLARE
  cover CONSTANT text := 'audit_cover(text, text, text, text, text, text, text, text, text)';
BEGIN
  EXECUTE 'REVOKE ALL ON FUNCTION ' || cover || ' FROM PUBLIC';
  REVOKE ALL ON TABLE audit_entry FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    REVOKE ALL ON TABLE audit_entry FROM playhead_app;
    GRANT SELECT ON TABLE audit_entry TO playhead_app;
    GRANT INSERT (kind, who, roles, session, address, request_id, action, subject, purpose, reason,
                  detail) ON TABLE audit_entry TO playhead_app;
    EXECUTE 'GRANT EXECUTE ON FUNCTION ' || cover || ' TO playhead_app';
  END IF;
END
$$;
