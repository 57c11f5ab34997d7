-- The runner's own books: which projections there are, how far each is, what is parked, who is alive.

CREATE TABLE projection (
    name        text COLLATE "C" PRIMARY KEY,
    version     integer NOT NULL,
    generation  integer NOT NULL DEFAULT 1
);
COMMENT ON TABLE projection IS
    'One row per projection; a checkpoint of an older generation is rebuilt by the next runner.';

CREATE TABLE projection_checkpoint (
    bucket      integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    projection  text COLLATE "C" NOT NULL,
    position    bigint NOT NULL DEFAULT 0,
    generation  integer NOT NULL DEFAULT 0,
    PRIMARY KEY (bucket, projection)
) WITH (fillfactor = 50);

CREATE TABLE projection_parked (
    bucket           integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    projection       text COLLATE "C" NOT NULL,
    stream_id        text COLLATE "C" NOT NULL,
    version          bigint NOT NULL,
    error            text NOT NULL,
    attempts         integer NOT NULL DEFAULT 1,
    parked_at        timestamptz NOT NULL,
    next_attempt_at  timestamptz,
    resolved_at      timestamptz,
    resolution       text CHECK (resolution IN ('applied', 'skipped', 'rebuilt')),
    resolved_by      text,
    reason           text,
    PRIMARY KEY (bucket, projection, stream_id, parked_at)
);
-- A stream is parked at most once in a projection.
CREATE UNIQUE INDEX projection_parked_open
    ON projection_parked (bucket, projection, stream_id) WHERE resolved_at IS NULL;

CREATE TABLE projections_heartbeat (
    name     text COLLATE "C" PRIMARY KEY,
    beat_at  timestamptz NOT NULL
);
