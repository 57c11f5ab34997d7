-- The books of blue/green rebuilds: every read model has two sides, and a build writes one of them.

CREATE TABLE projection_build (
    projection        text COLLATE "C" NOT NULL,
    generation        integer NOT NULL,
    side              text NOT NULL CHECK (side IN ('a', 'b')),
    version           integer NOT NULL,
    state             text NOT NULL
        CHECK (state IN ('building', 'ready', 'live', 'retired', 'cancelled')),
    hold              boolean NOT NULL,
    requested_by      text NOT NULL,
    reason            text,
    requested_at      timestamptz NOT NULL,
    ready_at          timestamptz,
    live_at           timestamptz,
    ended_at          timestamptz,
    comparison        jsonb,
    -- Two samples, at least ten seconds apart, from which the rate is told.
    sampled_at        timestamptz NOT NULL,
    sampled_position  bigint NOT NULL,
    earlier_at        timestamptz NOT NULL,
    earlier_position  bigint NOT NULL,
    PRIMARY KEY (projection, generation)
);
COMMENT ON TABLE projection_build IS
    'The row in state live is the pointer: its side is the one that is read.';
CREATE UNIQUE INDEX projection_build_live ON projection_build (projection) WHERE state = 'live';
CREATE UNIQUE INDEX projection_build_in_progress ON projection_build (projection)
    WHERE state IN ('building', 'ready');

INSERT INTO projection_build
SELECT name, 1, 'a', version, 'live', false, 'migration', NULL, now(), now(), now(), NULL, NULL,
       now(), 0, now(), 0
  FROM projection;
DROP TABLE projection;

-- `turn` counts whatever happened in a bucket; who does not know it cannot write.
ALTER TABLE projection_checkpoint
    ADD COLUMN turn bigint NOT NULL DEFAULT 0,
    ALTER COLUMN position DROP DEFAULT,
    ALTER COLUMN generation DROP DEFAULT,
    DROP CONSTRAINT projection_checkpoint_pkey,
    ADD PRIMARY KEY (bucket, projection, generation);
UPDATE projection_checkpoint SET turn = 1, generation = 1;
INSERT INTO projection_checkpoint (bucket, projection, position, generation, turn)
SELECT bucket, projection, 0, 1, 1
  FROM projection_build, generate_series(0, 1023) AS bucket
ON CONFLICT DO NOTHING;

ALTER TABLE projection_parked
    ADD COLUMN generation integer NOT NULL DEFAULT 1,
    DROP CONSTRAINT projection_parked_pkey,
    ADD PRIMARY KEY (bucket, projection, generation, stream_id, parked_at),
    DROP CONSTRAINT projection_parked_resolution_check,
    ADD CHECK (resolution IN ('applied', 'skipped', 'rebuilt'));
ALTER TABLE projection_parked ALTER COLUMN generation DROP DEFAULT;
DROP INDEX projection_parked_open;
-- A stream is parked at most once in a build.
CREATE UNIQUE INDEX projection_parked_open
    ON projection_parked (bucket, projection, generation, stream_id) WHERE resolved_at IS NULL;

-- Who works on which buckets: keeps workers out of each other's way, and guards nothing.
CREATE TABLE projection_lease (
    slice  integer PRIMARY KEY CHECK (slice BETWEEN 0 AND 15),
    owner  text NOT NULL,
    until  timestamptz NOT NULL
);
COMMENT ON COLUMN projection_lease.slice IS 'the buckets from 64 * slice on, 64 of them';
INSERT INTO projection_lease SELECT slice, '', '-infinity' FROM generate_series(0, 15) AS slice;
