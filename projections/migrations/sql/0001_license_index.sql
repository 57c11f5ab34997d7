-- From a license or a device to its member.

CREATE TABLE license_index (
    bucket               integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id            text COLLATE "C" NOT NULL,
    license_id           text COLLATE "C" NOT NULL,
    title_id             text NOT NULL,
    title_name           text,
    studio               text,
    device_id            text COLLATE "C" NOT NULL,
    device_type          text,
    status               text NOT NULL
        CHECK (status IN ('active', 'expired', 'released', 'revoked', 'refused')),
    reason               text,
    issued_at            timestamptz NOT NULL,
    expires_at           timestamptz,
    playback_expires_at  timestamptz,
    renewals             integer NOT NULL,
    ended_at             timestamptz,
    last_version         bigint NOT NULL,
    PRIMARY KEY (bucket, member_id, license_id)
);
CREATE INDEX license_index_by_license ON license_index (license_id);
CREATE INDEX license_index_by_device ON license_index (device_id);

CREATE TABLE license_index_device (
    bucket         integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id      text COLLATE "C" NOT NULL,
    device_id      text COLLATE "C" NOT NULL,
    type           text,
    registered_at  timestamptz NOT NULL,
    PRIMARY KEY (bucket, member_id, device_id)
);
CREATE INDEX license_index_device_by_device ON license_index_device (device_id);
