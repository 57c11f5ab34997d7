-- What happened each day, by type, and how much of it was reported late; summed over the buckets on read.
CREATE TABLE daily_activity (
    bucket       integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    day          date NOT NULL,
    type         text COLLATE "C" NOT NULL,
    events       bigint NOT NULL,
    late_hour    bigint NOT NULL,
    late_day     bigint NOT NULL,
    late_week    bigint NOT NULL,
    late_longer  bigint NOT NULL,
    PRIMARY KEY (bucket, day, type)
);
CREATE INDEX daily_activity_by_day ON daily_activity (day);
