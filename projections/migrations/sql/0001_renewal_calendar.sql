-- When each active license is next due, and how the jobs fared with it.

CREATE TABLE renewal_calendar (
    bucket               integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id            text COLLATE "C" NOT NULL,
    license_id           text COLLATE "C" NOT NULL,
    active               boolean NOT NULL,
    issued_at            timestamptz NOT NULL,
    expires_at           timestamptz NOT NULL,
    playback_expires_at  timestamptz,
    ends_at              timestamptz NOT NULL,
    renew_at             timestamptz,
    renewals             integer NOT NULL,
    renew_max            integer,
    window_h             integer,
    PRIMARY KEY (bucket, member_id, license_id)
);
CREATE INDEX renewal_calendar_renewals ON renewal_calendar (renew_at)
    WHERE active AND renew_at IS NOT NULL;
CREATE INDEX renewal_calendar_expiries ON renewal_calendar (ends_at) WHERE active;

-- Not a read model: it survives a rebuild, so a job is never tried as if for the first time.
CREATE TABLE job_attempt (
    bucket           integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id        text COLLATE "C" NOT NULL,
    license_id       text COLLATE "C" NOT NULL,
    kind             text NOT NULL CHECK (kind IN ('renew', 'expire')),
    due_at           timestamptz NOT NULL,
    attempts         integer NOT NULL,
    next_attempt_at  timestamptz NOT NULL,
    outcome          text
        CHECK (outcome IN ('accepted', 'refused', 'unchanged', 'superseded', 'gave up')),
    last_error       text,
    finished_at      timestamptz,
    PRIMARY KEY (bucket, member_id, license_id, kind, due_at)
);
CREATE INDEX job_attempt_open ON job_attempt (next_attempt_at) WHERE outcome IS NULL;
CREATE INDEX job_attempt_finished ON job_attempt (finished_at) WHERE finished_at IS NOT NULL;
