-- The append again, leaner: what is written for one event is one plain INSERT, the link is made in place,
-- and a stream's head is read by columns. The order of locks, look-ups and answers is that of 0001.
-- The chain now covers appended_at too, so that no column of an event can change unseen.

DROP FUNCTION chain_link(bytea, bytea, bigint, bigint, timestamptz, timestamptz);

-- One link of a stream's hash chain. Every part has a fixed length, so no two inputs read alike;
-- instants are microseconds since 2000-01-01 UTC, as PostgreSQL sends them. The append and the import
-- spell it out, because calling it costs more than what it does; a test holds them together.
CREATE FUNCTION chain_link(
  previous bytea, content bytea, version bigint, "position" bigint,
  occurred_at timestamptz, recorded_at timestamptz, appended_at timestamptz
) RETURNS bytea
LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
  SELECT sha256(previous || content || int8send(version) || int8send("position")
                || timestamptz_send(occurred_at) || timestamptz_send(recorded_at)
                || timestamptz_send(appended_at))
$$;
REVOKE ALL ON FUNCTION chain_link(bytea, bytea, bigint, bigint, timestamptz, timestamptz, timestamptz) FROM PUBLIC;

-- One CHECK for each table instead of several, and bucket_of spelled out in it: PostgreSQL reads every
-- CHECK anew for every statement, and inlining bucket_of took longer than the insert that it guards.
DO $$
DECLARE
  old record;
  bucket CONSTANT text := 'bucket = (((get_byte(sha256(convert_to(stream_id, ''UTF8'')), 2) & 3) << 8)'
                          ' | get_byte(sha256(convert_to(stream_id, ''UTF8'')), 3))';
BEGIN
  FOR old IN SELECT conrelid::regclass AS tab, conname FROM pg_constraint
              WHERE contype = 'c' AND conrelid IN ('stream_head'::regclass, 'bucket_head'::regclass,
                                                   'event'::regclass, 'command_log'::regclass)
  LOOP
    EXECUTE format('ALTER TABLE %s DROP CONSTRAINT %I', old.tab, old.conname);
  END LOOP;
  EXECUTE 'ALTER TABLE stream_head ADD CONSTRAINT stream_head_check CHECK (' || bucket
       || ' AND version >= 0 AND octet_length(last_hash) = 32)';
  EXECUTE 'ALTER TABLE bucket_head ADD CONSTRAINT bucket_head_check CHECK ('
       || 'bucket BETWEEN 0 AND 1023 AND position >= 0)';
  EXECUTE 'ALTER TABLE event ADD CONSTRAINT event_check CHECK (' || bucket
       || ' AND version > 0 AND position > 0 AND type <> '''' AND schema_version > 0'
       || ' AND octet_length(hash) = 32)';
  EXECUTE 'ALTER TABLE command_log ADD CONSTRAINT command_log_check CHECK (' || bucket
       || ' AND command_id <> '''' AND seq > 0)';
END
$$;

-- The one way to write history: see 0001.
CREATE OR REPLACE FUNCTION append_events(
  p_bucket           integer,
  p_stream_id        text,
  p_expected         integer,       -- a version, 0: no events yet, -1: any, -2: at least one event
  p_recorded_at      timestamptz,   -- null: the server's clock
  p_command_id       text,
  p_command_name     text,
  p_command_data     jsonb,
  p_data_hash        bytea,
  p_outcome          jsonb,
  p_event_ids        uuid[],
  p_types            text[],
  p_schema_versions  smallint[],
  p_data             jsonb[],
  p_metadata         jsonb[],
  p_occurred_at      timestamptz[],
  p_contents         bytea[],       -- SHA-256 of each event's content, made by the application
  OUT o_status         text,        -- appended, stored, repeated, command id reused, erased, conflict
  OUT o_version        integer,     -- of the stream now; of the command's last event when repeated
  OUT o_position       bigint,      -- of the first event
  OUT o_recorded_at    timestamptz,
  OUT o_appended_at    timestamptz,
  OUT o_outcome        text,        -- the stored one, when repeated
  OUT o_first_version  integer,
  OUT o_last_version   integer,
  OUT o_hashes         bytea[]
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  n         integer := coalesce(cardinality(p_event_ids), 0);
  clock     timestamptz := clock_timestamp();
  was       integer;
  link      bytea;
  known_at  timestamptz;
  erased    timestamptz;
  seq       integer;
  known     bytea;
  instants  bytea;
BEGIN
  -- With a frozen snapshot, the look-ups below would not see what the lock waited for.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append_events needs READ COMMITTED, not %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state';
  END IF;

  SELECT s.version, s.last_hash, s.recorded_at, s.erased_at, s.command_seq
    INTO was, link, known_at, erased, seq
    FROM stream_head s WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO stream_head (bucket, stream_id, version, last_hash, command_seq)
    VALUES (p_bucket, p_stream_id, 0, sha256(convert_to(p_stream_id, 'UTF8')), 0)
    ON CONFLICT DO NOTHING;
    SELECT s.version, s.last_hash, s.recorded_at, s.erased_at, s.command_seq
      INTO STRICT was, link, known_at, erased, seq
      FROM stream_head s WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR UPDATE;
  END IF;
  o_version := was;

  SELECT c.data_hash, c.last_version, c.outcome::text, c.first_version
    INTO known, o_last_version, o_outcome, o_first_version
    FROM command_log c
   WHERE c.bucket = p_bucket AND c.stream_id = p_stream_id AND c.command_id = p_command_id;
  IF FOUND THEN
    IF known <> p_data_hash THEN
      o_status := 'command id reused';
      RETURN;
    END IF;
    o_status := 'repeated';
    o_version := o_last_version;
    RETURN;
  END IF;

  IF erased IS NOT NULL THEN
    o_status := 'erased';
    RETURN;
  END IF;

  IF p_expected < -2 THEN
    RAISE EXCEPTION 'no such expected version: %', p_expected USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF (p_expected >= 0 AND was <> p_expected) OR (p_expected = -2 AND was = 0) THEN
    o_status := 'conflict';
    RETURN;
  END IF;

  o_recorded_at := greatest(known_at, coalesce(p_recorded_at, clock));
  o_first_version := was + 1;
  o_last_version := was + n;
  o_version := o_last_version;

  IF n > 0 THEN
    UPDATE bucket_head b SET position = b.position + n, appended_at = greatest(b.appended_at, clock)
     WHERE b.bucket = p_bucket
    RETURNING b.position - n + 1, b.appended_at INTO STRICT o_position, o_appended_at;
    instants := timestamptz_send(o_recorded_at) || timestamptz_send(o_appended_at);
    FOR i IN 1 .. n LOOP
      link := sha256(link || p_contents[i] || int8send((was + i)::bigint) || int8send(o_position + i - 1)
                     || timestamptz_send(p_occurred_at[i]) || instants);
      o_hashes[i] := link;
      INSERT INTO event (bucket, stream_id, version, position, event_id, type, schema_version, data,
                         metadata, occurred_at, recorded_at, appended_at, hash)
      VALUES (p_bucket, p_stream_id, was + i, o_position + i - 1, p_event_ids[i], p_types[i],
              p_schema_versions[i], p_data[i], p_metadata[i], p_occurred_at[i], o_recorded_at,
              o_appended_at, link);
    END LOOP;
    UPDATE stream_head s
       SET version = o_last_version, last_hash = link, command_seq = seq + 1, recorded_at = o_recorded_at
     WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id;
    o_status := 'appended';
  ELSE
    UPDATE stream_head s SET command_seq = seq + 1
     WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id;
    o_status := 'stored';
  END IF;
  INSERT INTO command_log (bucket, stream_id, command_id, seq, name, data, data_hash, outcome,
                           first_version, last_version, decided_at)
  VALUES (p_bucket, p_stream_id, p_command_id, seq + 1, p_command_name, p_command_data,
          p_data_hash, p_outcome, o_first_version, o_last_version, o_recorded_at);
END
$$;

DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    GRANT EXECUTE ON FUNCTION chain_link(bytea, bytea, bigint, bigint, timestamptz, timestamptz, timestamptz)
       TO playhead_app;
  END IF;
END
$$;
