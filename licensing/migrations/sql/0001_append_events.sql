-- The one way to write history: appends the events of one command to one stream, or says why not.
--
-- To be called alone, in autocommit: SELECT * FROM append_events(...). Locks the stream, then the bucket,
-- and holds both until the commit is visible, so the feed of a bucket appears in the order of its positions.
-- Every answer but 'appended' and 'stored' comes before the first change to an existing row.
CREATE FUNCTION append_events(
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
  n      integer := coalesce(cardinality(p_event_ids), 0);
  clock  timestamptz := clock_timestamp();
  stream stream_head;
  known  command_log;
  link   bytea;
BEGIN
  -- With a frozen snapshot, the look-ups below would not see what the lock waited for.
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'append_events needs READ COMMITTED, not %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state';
  END IF;

  SELECT * INTO stream FROM stream_head s
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR UPDATE;
  IF NOT FOUND THEN
    INSERT INTO stream_head (bucket, stream_id, version, last_hash, command_seq)
    VALUES (p_bucket, p_stream_id, 0, sha256(convert_to(p_stream_id, 'UTF8')), 0)
    ON CONFLICT DO NOTHING;
    SELECT * INTO STRICT stream FROM stream_head s
     WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR UPDATE;
  END IF;
  o_version := stream.version;

  SELECT * INTO known FROM command_log c
   WHERE c.bucket = p_bucket AND c.stream_id = p_stream_id AND c.command_id = p_command_id;
  IF FOUND THEN
    IF known.data_hash <> p_data_hash THEN
      o_status := 'command id reused';
      RETURN;
    END IF;
    o_status := 'repeated';
    o_version := known.last_version;
    o_outcome := known.outcome::text;
    o_first_version := known.first_version;
    o_last_version := known.last_version;
    RETURN;
  END IF;

  IF stream.erased_at IS NOT NULL THEN
    o_status := 'erased';
    RETURN;
  END IF;

  IF p_expected < -2 THEN
    RAISE EXCEPTION 'no such expected version: %', p_expected USING ERRCODE = 'invalid_parameter_value';
  END IF;
  IF (p_expected >= 0 AND stream.version <> p_expected) OR (p_expected = -2 AND stream.version = 0) THEN
    o_status := 'conflict';
    RETURN;
  END IF;

  o_recorded_at := greatest(stream.recorded_at, coalesce(p_recorded_at, clock));
  o_first_version := stream.version + 1;
  o_last_version := stream.version + n;
  o_version := o_last_version;
  link := stream.last_hash;

  IF n > 0 THEN
    UPDATE bucket_head b SET position = b.position + n, appended_at = greatest(b.appended_at, clock)
     WHERE b.bucket = p_bucket
    RETURNING b.position - n + 1, b.appended_at INTO STRICT o_position, o_appended_at;
    FOR i IN 1 .. n LOOP
      link := chain_link(link, p_contents[i], stream.version + i, o_position + i - 1,
                         p_occurred_at[i], o_recorded_at);
      o_hashes[i] := link;
    END LOOP;
    INSERT INTO event (bucket, stream_id, version, position, event_id, type, schema_version, data, metadata,
                       occurred_at, recorded_at, appended_at, hash)
    SELECT p_bucket, p_stream_id, stream.version + e.i, o_position + e.i - 1, e.event_id, e.type,
           e.schema_version, e.data, e.metadata, e.occurred_at, o_recorded_at, o_appended_at, e.hash
      FROM unnest(p_event_ids, p_types, p_schema_versions, p_data, p_metadata, p_occurred_at, o_hashes)
           WITH ORDINALITY
           AS e(event_id, type, schema_version, data, metadata, occurred_at, hash, i);
  END IF;

  UPDATE stream_head s
     SET version = o_last_version, last_hash = link, command_seq = s.command_seq + 1,
         recorded_at = CASE WHEN n > 0 THEN o_recorded_at ELSE s.recorded_at END
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id;
  INSERT INTO command_log (bucket, stream_id, command_id, seq, name, data, data_hash, outcome,
                           first_version, last_version, decided_at)
  VALUES (p_bucket, p_stream_id, p_command_id, stream.command_seq + 1, p_command_name, p_command_data,
          p_data_hash, p_outcome, o_first_version, o_last_version, o_recorded_at);
  o_status := CASE WHEN n > 0 THEN 'appended' ELSE 'stored' END;
END
$$;
