-- What became known more than five minutes after it had happened.

CREATE TABLE late_report (
    bucket       integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id    text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    type         text NOT NULL,
    occurred_at  timestamptz NOT NULL,
    recorded_at  timestamptz NOT NULL,
    delay_s      bigint NOT NULL,
    PRIMARY KEY (bucket, member_id, version)
);
CREATE INDEX late_report_by_time ON late_report (recorded_at, member_id, version);
