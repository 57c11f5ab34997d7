-- What the jobs, their workers and the operations page keep books on.

-- An attempt belongs to the worker that counted it up, until its lease ends at next_attempt_at.
ALTER TABLE job_attempt
    ADD COLUMN claimed boolean NOT NULL DEFAULT false,
    ADD COLUMN lost    integer NOT NULL DEFAULT 0,
    ADD COLUMN worker  text;
COMMENT ON COLUMN job_attempt.lost IS
    'How often a worker took it up and was never heard of again: what kills workers is done alone.';

CREATE INDEX job_attempt_gave_up ON job_attempt (finished_at) WHERE outcome = 'gave up';

CREATE TABLE job_control (
    kind         text PRIMARY KEY CHECK (kind IN ('renew', 'expire')),
    paused_at    timestamptz,
    paused_by    text,
    reason       text,
    per_second   integer CHECK (per_second > 0),
    tokens       double precision NOT NULL DEFAULT 0,
    refilled_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);
COMMENT ON COLUMN job_control.per_second IS 'At most so many a second, all workers together; null: no limit.';
INSERT INTO job_control (kind) VALUES ('renew'), ('expire');

-- One row per job of the beat: whoever moves it does the tick, and a second beat moves nothing.
CREATE TABLE job_tick (
    job        text COLLATE "C" PRIMARY KEY,
    ticked_at  timestamptz NOT NULL,
    ticks      bigint NOT NULL DEFAULT 1,
    doubled    bigint NOT NULL DEFAULT 0
);

-- How many obligations ended how, by the hour, so that nobody counts all attempts.
CREATE TABLE job_tally (
    kind     text NOT NULL,
    outcome  text NOT NULL,
    hour     timestamptz NOT NULL,
    count    bigint NOT NULL,
    PRIMARY KEY (kind, outcome, hour)
);
INSERT INTO job_tally (kind, outcome, hour, count)
SELECT kind, outcome, date_trunc('hour', finished_at, 'UTC'), count(*)
  FROM job_attempt WHERE outcome IS NOT NULL AND finished_at IS NOT NULL
 GROUP BY 1, 2, 3;

-- Messages that were begun and not ended: what is delivered too often is not begun again.
-- Not logged: after a crash of the server the counts begin anew, and no message waits for a disk.
CREATE UNLOGGED TABLE task_delivery (
    message_id  text COLLATE "C" PRIMARY KEY,
    task        text NOT NULL,
    deliveries  integer NOT NULL DEFAULT 1,
    first_at    timestamptz NOT NULL,
    last_at     timestamptz NOT NULL,
    gave_up_at  timestamptz
);

ALTER TABLE projections_heartbeat
    ADD COLUMN kind        text NOT NULL DEFAULT 'queue' CHECK (kind IN ('queue', 'worker', 'beat')),
    ADD COLUMN pid         integer,
    ADD COLUMN started_at  timestamptz,
    ADD COLUMN took_at     timestamptz;
COMMENT ON COLUMN projections_heartbeat.took_at IS 'When a worker last took a message from the broker.';

-- How far each projection was behind, for the last hours.
CREATE TABLE projection_lag_sample (
    sampled_at  timestamptz NOT NULL,
    projection  text COLLATE "C" NOT NULL,
    events      bigint NOT NULL,
    seconds     double precision NOT NULL,
    position    bigint NOT NULL,
    PRIMARY KEY (sampled_at, projection)
);

-- The event catalogue, counted onward from where it was counted to, in the feed of each bucket.
CREATE TABLE event_census (
    bucket    integer PRIMARY KEY CHECK (bucket BETWEEN 0 AND 1023),
    position  bigint NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE event_kind (
    bucket          integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    category        text COLLATE "C" NOT NULL,
    type            text COLLATE "C" NOT NULL,
    schema_version  smallint NOT NULL,
    count           bigint NOT NULL,
    bytes           bigint NOT NULL,
    largest         integer NOT NULL,
    first_at        timestamptz NOT NULL,
    last_at         timestamptz NOT NULL,
    PRIMARY KEY (bucket, category, type, schema_version)
) WITH (fillfactor = 50);

CREATE TABLE stream_census (
    category     text COLLATE "C" PRIMARY KEY,
    measured_at  timestamptz NOT NULL,
    streams      bigint NOT NULL,
    events       bigint NOT NULL,
    p50          bigint NOT NULL,
    p95          bigint NOT NULL,
    longest      bigint NOT NULL,
    bands        bigint[] NOT NULL
);
COMMENT ON COLUMN stream_census.bands IS
    'How many streams hold 1-9, 10-99, 100-999, 1,000-9,999, 10,000 and more events.';
