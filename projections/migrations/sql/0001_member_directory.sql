-- One row per member: how a member is found, and what happened last.

CREATE TABLE member_directory (
    bucket          integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id       text COLLATE "C" NOT NULL,
    plan            text,
    country         text,
    events          bigint NOT NULL,
    refusals        bigint NOT NULL,
    first_event_at  timestamptz NOT NULL,
    last_event_at   timestamptz NOT NULL,
    last_type       text NOT NULL,
    last_version    bigint NOT NULL,
    PRIMARY KEY (bucket, member_id)
);
CREATE INDEX member_directory_by_id ON member_directory (member_id);
CREATE INDEX member_directory_by_last ON member_directory (last_event_at DESC, member_id);
