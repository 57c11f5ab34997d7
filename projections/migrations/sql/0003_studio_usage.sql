-- What is done with the titles of each studio, by day; summed over the buckets on read.
CREATE TABLE studio_usage (
    bucket            integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    studio            text COLLATE "C" NOT NULL,
    day               date NOT NULL,
    issued            bigint NOT NULL,
    refused           bigint NOT NULL,
    renewed           bigint NOT NULL,
    renewals_refused  bigint NOT NULL,
    played            bigint NOT NULL,
    ended             bigint NOT NULL,
    PRIMARY KEY (bucket, studio, day)
);
COMMENT ON COLUMN studio_usage.studio IS 'empty for titles without a studio';
CREATE INDEX studio_usage_by_day ON studio_usage (studio, day);

-- What later events of a license do not repeat.
CREATE TABLE studio_usage_license (
    bucket      integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id   text COLLATE "C" NOT NULL,
    license_id  text COLLATE "C" NOT NULL,
    studio      text NOT NULL,
    ended       boolean NOT NULL,
    PRIMARY KEY (bucket, member_id, license_id)
);
