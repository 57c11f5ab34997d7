-- The tables of the event store; every key starts with the bucket, so that they can be distributed by it.

-- Where each stream stands: the row that an append locks first. Version 0 means "no events yet".
CREATE TABLE stream_head (
  bucket       integer     NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id    text        NOT NULL,
  version      integer     NOT NULL CHECK (version >= 0),
  last_hash    bytea       NOT NULL CHECK (octet_length(last_hash) = 32),
  recorded_at  timestamptz,          -- of the last event; never goes back
  command_seq  integer     NOT NULL, -- how many commands the log holds
  erased_at    timestamptz,          -- set when the stream's key was destroyed: no more appends
  PRIMARY KEY (bucket, stream_id)
) WITH (fillfactor = 70);

-- Where each bucket's feed stands. Nearly empty pages, because these rows are updated by every append
-- and must stay on their page (HOT) even while an old snapshot keeps dead versions alive.
CREATE TABLE bucket_head (
  bucket       integer     PRIMARY KEY CHECK (bucket BETWEEN 0 AND 1023),
  position     bigint      NOT NULL CHECK (position >= 0),
  appended_at  timestamptz           -- of the last event; never goes back
) WITH (fillfactor = 10, autovacuum_vacuum_threshold = 200, autovacuum_vacuum_scale_factor = 0);

INSERT INTO bucket_head (bucket, position) SELECT bucket, 0 FROM generate_series(0, 1023) AS bucket;

-- What happened, once and for all.
CREATE TABLE event (
  bucket          integer     NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id       text        NOT NULL,
  version         integer     NOT NULL CHECK (version > 0),
  position        bigint      NOT NULL CHECK (position > 0),
  event_id        uuid        NOT NULL,
  type            text        NOT NULL CHECK (type <> ''),
  schema_version  smallint    NOT NULL CHECK (schema_version > 0),
  data            jsonb       NOT NULL,
  metadata        jsonb       NOT NULL,
  occurred_at     timestamptz NOT NULL, -- when it happened, by the device or the business
  recorded_at     timestamptz NOT NULL, -- when we knew; never goes back within a stream
  appended_at     timestamptz NOT NULL, -- the server's clock; never goes back within a bucket
  hash            bytea       NOT NULL CHECK (octet_length(hash) = 32),
  PRIMARY KEY (bucket, stream_id, version),
  UNIQUE (bucket, position),
  UNIQUE (bucket, event_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- What was asked and answered, refusals included: a repeated command gets the answer kept here.
-- A command without events has an empty range of versions: first_version = last_version + 1.
-- One index only: beside another that starts with (bucket, stream_id) the planner, who cannot know that
-- few commands share a stream and its bucket, looked ids up by scanning the stream's whole log.
CREATE TABLE command_log (
  bucket         integer     NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id      text        NOT NULL,
  command_id     text        NOT NULL CHECK (command_id <> ''),
  seq            integer     NOT NULL CHECK (seq > 0),
  name           text        NOT NULL,
  data           jsonb       NOT NULL,
  data_hash      bytea       NOT NULL,
  outcome        jsonb       NOT NULL,
  first_version  integer     NOT NULL,
  last_version   integer     NOT NULL,
  decided_at     timestamptz NOT NULL,
  PRIMARY KEY (bucket, stream_id, command_id)
) WITH (autovacuum_vacuum_insert_scale_factor = 0.05);

-- Folded states, written after the commit and deletable at any time without loss.
CREATE TABLE snapshot (
  bucket        integer NOT NULL CHECK (bucket = bucket_of(stream_id)),
  stream_id     text    NOT NULL,
  version       integer NOT NULL CHECK (version > 0),
  fold_version  text    NOT NULL,
  state         jsonb   NOT NULL,
  PRIMARY KEY (bucket, stream_id, version, fold_version)
);
