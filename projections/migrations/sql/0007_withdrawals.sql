-- What takes every license of a title or a studio back: who asked, how far it is, what came of each.

CREATE TABLE withdrawal (
    id            uuid PRIMARY KEY,
    kind          text NOT NULL CHECK (kind IN ('title', 'studio')),
    name          text NOT NULL,
    until         timestamptz NOT NULL,
    reason        text NOT NULL,
    case_id       text NOT NULL,
    shown         bigint NOT NULL,
    members       bigint NOT NULL,
    state         text NOT NULL CHECK (state IN
                      ('asked', 'rejected', 'waiting', 'running', 'done', 'stopped', 'failed')),
    by_kind       text NOT NULL CHECK (by_kind IN ('staff', 'key', 'command')),
    by_id         text NOT NULL,
    by_name       text NOT NULL,
    by_roles      text NOT NULL,
    asked_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    second_id     text,
    second_name   text,
    second_at     timestamptz,
    answer        text NOT NULL DEFAULT '',
    stop_asked    boolean NOT NULL DEFAULT false,
    heads         bigint[] NOT NULL,
    slice         integer NOT NULL DEFAULT 0,
    found         bigint NOT NULL DEFAULT 0,
    withdrawn     bigint NOT NULL DEFAULT 0,
    gone          bigint NOT NULL DEFAULT 0,
    refused       bigint NOT NULL DEFAULT 0,
    turn          bigint NOT NULL DEFAULT 0,
    lease_until   timestamptz,
    touched_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    started_at    timestamptz,
    finished_at   timestamptz,
    worked_s      double precision NOT NULL DEFAULT 0,
    error         text NOT NULL DEFAULT '',
    CONSTRAINT withdrawal_by_another CHECK (second_id <> by_id)
);
COMMENT ON COLUMN withdrawal.until IS 'Licenses issued up to then, and none that came later.';
COMMENT ON COLUMN withdrawal.heads IS
    'How long the feed of each bucket was; the license index has to have come so far.';
COMMENT ON COLUMN withdrawal.slice IS 'The next 16 buckets to look through; 64 when all were.';
COMMENT ON COLUMN withdrawal.turn IS 'Counts whoever took it up; who does not know it cannot write.';
CREATE INDEX withdrawal_latest ON withdrawal (asked_at, id);
CREATE INDEX withdrawal_open ON withdrawal (touched_at) WHERE state IN ('waiting', 'running');

CREATE TABLE withdrawal_item (
    bucket         integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    withdrawal_id  uuid NOT NULL,
    member_id      text COLLATE "C" NOT NULL,
    license_id     text COLLATE "C" NOT NULL,
    outcome        text CHECK (outcome IN ('withdrawn', 'gone', 'refused')),
    detail         text NOT NULL DEFAULT '',
    version        bigint,
    attempts       integer NOT NULL DEFAULT 0,
    ended_at       timestamptz,
    PRIMARY KEY (bucket, withdrawal_id, member_id, license_id)
);
-- The licenses that are still to be asked for, and a page of those with one outcome.
CREATE INDEX withdrawal_item_outcome
    ON withdrawal_item (withdrawal_id, outcome, bucket, member_id, license_id);

-- Which active licenses of a title or a studio there are, a few buckets at a time.
CREATE INDEX license_index_a_active_title ON license_index_a (title_id, bucket) WHERE status = 'active';
CREATE INDEX license_index_b_active_title ON license_index_b (title_id, bucket) WHERE status = 'active';
CREATE INDEX license_index_a_active_studio ON license_index_a (studio, bucket) WHERE status = 'active';
CREATE INDEX license_index_b_active_studio ON license_index_b (studio, bucket) WHERE status = 'active';
