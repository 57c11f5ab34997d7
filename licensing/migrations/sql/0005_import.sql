-- Bulk import: what append_events does for one command, for a chunk of past events of one bucket.

-- Where imported history came from; kept here and not in the events, so that they stay as they were.
CREATE TABLE import_batch (
  id           uuid        PRIMARY KEY,
  source       text        NOT NULL,   -- the file's name, or - for standard input
  sha256       bytea       NOT NULL CHECK (octet_length(sha256) = 32),
  imported_by  text        NOT NULL,
  started_at   timestamptz NOT NULL,
  finished_at  timestamptz,            -- null: under way, or cut off
  lines        bigint      NOT NULL DEFAULT 0,
  events       bigint      NOT NULL DEFAULT 0,
  commands     bigint      NOT NULL DEFAULT 0,
  already      bigint      NOT NULL DEFAULT 0,
  rejected     bigint      NOT NULL DEFAULT 0
);

-- Appends past events to several streams of one bucket, all or nothing. The events stand stream by
-- stream, in the order of p_streams. Locks the streams in their order and then the bucket, as an append
-- locks its one, and answers before the first change to an existing row when a stream is not as expected.
CREATE FUNCTION import_events(
  p_bucket           integer,
  p_streams          text[],          -- sorted, each once
  p_expected         integer[],       -- the version of each stream
  p_counts           integer[],       -- how many of the events are each stream's
  p_event_ids        uuid[],
  p_types            text[],
  p_schema_versions  smallint[],
  p_data             jsonb[],
  p_metadata         jsonb[],
  p_occurred_at      timestamptz[],
  p_recorded_at      timestamptz[],   -- never going back within a stream
  p_contents         bytea[],
  OUT o_status       text,            -- imported, conflict, erased, out of order
  OUT o_stream       text,            -- the one that is not as expected
  OUT o_version      integer          -- its version
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  clock     timestamptz := clock_timestamp();
  n         integer := cardinality(p_event_ids);
  first     bigint;
  appended  timestamptz;
  head      stream_head;
  links     bytea[] := '{}';
  link      bytea;
  place     integer := 0;
  stream_of text[] := '{}';
  versions  integer[] := '{}';
  last_link bytea[] := '{}';
  hashes    bytea[] := '{}';
BEGIN
  IF current_setting('transaction_isolation') <> 'read committed' THEN
    RAISE EXCEPTION 'import_events needs READ COMMITTED, not %', current_setting('transaction_isolation')
      USING ERRCODE = 'invalid_transaction_state';
  END IF;

  INSERT INTO stream_head (bucket, stream_id, version, last_hash, command_seq)
  SELECT p_bucket, s, 0, sha256(convert_to(s, 'UTF8')), 0 FROM unnest(p_streams) AS s ORDER BY s
  ON CONFLICT DO NOTHING;
  FOR i IN 1 .. cardinality(p_streams) LOOP
    SELECT * INTO STRICT head FROM stream_head s
     WHERE s.bucket = p_bucket AND s.stream_id = p_streams[i] FOR UPDATE;
    o_stream := p_streams[i];
    o_version := head.version;
    IF head.erased_at IS NOT NULL THEN
      o_status := 'erased';
      RETURN;
    END IF;
    IF head.version <> p_expected[i] THEN
      o_status := 'conflict';
      RETURN;
    END IF;
    IF head.recorded_at > p_recorded_at[place + 1] THEN
      o_status := 'out of order';
      RETURN;
    END IF;
    FOR j IN place + 2 .. place + p_counts[i] LOOP
      IF p_recorded_at[j] < p_recorded_at[j - 1] THEN
        o_status := 'out of order';
        RETURN;
      END IF;
    END LOOP;
    links[i] := head.last_hash;
    place := place + p_counts[i];
  END LOOP;
  IF place <> n THEN
    RAISE EXCEPTION '% events for % places', n, place USING ERRCODE = 'invalid_parameter_value';
  END IF;

  UPDATE bucket_head b SET position = b.position + n, appended_at = greatest(b.appended_at, clock)
   WHERE b.bucket = p_bucket
  RETURNING b.position - n, b.appended_at INTO STRICT first, appended;

  place := 0;
  FOR i IN 1 .. cardinality(p_streams) LOOP
    link := links[i];
    FOR k IN 1 .. p_counts[i] LOOP
      place := place + 1;
      link := sha256(link || p_contents[place] || int8send((p_expected[i] + k)::bigint)
                     || int8send(first + place) || timestamptz_send(p_occurred_at[place])
                     || timestamptz_send(p_recorded_at[place]) || timestamptz_send(appended));
      hashes[place] := link;
      stream_of[place] := p_streams[i];
      versions[place] := p_expected[i] + k;
    END LOOP;
    last_link[i] := link;
  END LOOP;

  INSERT INTO event (bucket, stream_id, version, position, event_id, type, schema_version, data, metadata,
                     occurred_at, recorded_at, appended_at, hash)
  SELECT p_bucket, e.stream_id, e.version, first + e.i, e.event_id, e.type, e.schema_version, e.data,
         e.metadata, e.occurred_at, e.recorded_at, appended, e.hash
    FROM unnest(stream_of, versions, p_event_ids, p_types, p_schema_versions, p_data, p_metadata,
                p_occurred_at, p_recorded_at, hashes) WITH ORDINALITY
         AS e(stream_id, version, event_id, type, schema_version, data, metadata,
              occurred_at, recorded_at, hash, i);
  UPDATE stream_head s
     SET version = s.version + new.count, last_hash = new.last_hash, recorded_at = new.recorded_at
    FROM (SELECT u.stream_id, u.count, u.last_hash,
                 p_recorded_at[sum(u.count) OVER (ORDER BY u.i)] AS recorded_at
            FROM unnest(p_streams, p_counts, last_link) WITH ORDINALITY
                 AS u(stream_id, count, last_hash, i)) AS new
   WHERE s.bucket = p_bucket AND s.stream_id = new.stream_id;
  o_status := 'imported';
  o_stream := NULL;
END
$$;

-- Puts the answers of old commands back in the log of a stream, so that old retries stay repeats.
-- Those whose id is known are left as they are.
CREATE FUNCTION import_commands(
  p_bucket          integer,
  p_stream_id       text,
  p_command_ids     text[],
  p_names           text[],
  p_data            jsonb[],
  p_data_hashes     bytea[],
  p_outcomes        jsonb[],
  p_first_versions  integer[],
  p_last_versions   integer[],
  p_decided_at      timestamptz[],
  OUT o_status      text,       -- imported, conflict (an answer speaks of events that are not there)
  OUT o_imported    integer
)
LANGUAGE plpgsql VOLATILE SECURITY DEFINER
SET search_path = public, pg_temp
SET lock_timeout = '2s'
AS $$
DECLARE
  head stream_head;
BEGIN
  INSERT INTO stream_head (bucket, stream_id, version, last_hash, command_seq)
  VALUES (p_bucket, p_stream_id, 0, sha256(convert_to(p_stream_id, 'UTF8')), 0)
  ON CONFLICT DO NOTHING;
  SELECT * INTO STRICT head FROM stream_head s
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id FOR UPDATE;
  o_imported := 0;
  IF head.version < (SELECT max(v) FROM unnest(p_last_versions) AS v) THEN
    o_status := 'conflict';
    RETURN;
  END IF;
  INSERT INTO command_log (bucket, stream_id, command_id, seq, name, data, data_hash, outcome,
                           first_version, last_version, decided_at)
  SELECT p_bucket, p_stream_id, c.command_id, head.command_seq + row_number() OVER (ORDER BY c.i), c.name,
         c.data, c.data_hash, c.outcome, c.first_version, c.last_version, c.decided_at
    FROM unnest(p_command_ids, p_names, p_data, p_data_hashes, p_outcomes, p_first_versions,
                p_last_versions, p_decided_at) WITH ORDINALITY
         AS c(command_id, name, data, data_hash, outcome, first_version, last_version, decided_at, i)
   WHERE NOT EXISTS (SELECT FROM command_log known
                      WHERE known.bucket = p_bucket AND known.stream_id = p_stream_id
                        AND known.command_id = c.command_id);
  GET DIAGNOSTICS o_imported = ROW_COUNT;
  UPDATE stream_head s SET command_seq = s.command_seq + o_imported
   WHERE s.bucket = p_bucket AND s.stream_id = p_stream_id;
  o_status := 'imported';
END
$$;

DO $$
DECLARE
  functions CONSTANT text := 'import_events(integer, text[], integer[], integer[], uuid[], text[], '
    'smallint[], jsonb[], jsonb[], timestamptz[], timestamptz[], bytea[]), '
    'import_commands(integer, text, text[], text[], jsonb[], bytea[], jsonb[], integer[], integer[], '
    'timestamptz[])';
BEGIN
  EXECUTE 'REVOKE ALL ON FUNCTION ' || functions || ' FROM PUBLIC';
  REVOKE ALL ON TABLE import_batch FROM PUBLIC;
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'playhead_app' AND rolname <> current_user) THEN
    REVOKE ALL ON TABLE import_batch FROM playhead_app;
    GRANT SELECT, INSERT, UPDATE ON TABLE import_batch TO playhead_app;
    EXECUTE 'GRANT EXECUTE ON FUNCTION ' || functions || ' TO playhead_app';
  END IF;
END
$$;
