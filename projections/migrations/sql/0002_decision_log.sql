-- Every decision, with the row that decided it.

CREATE TABLE decision_log (
    bucket       integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id    text COLLATE "C" NOT NULL,
    version      bigint NOT NULL,
    decided_at   timestamptz NOT NULL,
    command      text NOT NULL,
    outcome      text NOT NULL CHECK (outcome IN ('accepted', 'refused')),
    reason       text,
    row_id       text COLLATE "C",
    rules        text,
    license_id   text COLLATE "C" NOT NULL,
    title_id     text,
    studio       text,
    country      text,
    plan         text,
    PRIMARY KEY (bucket, member_id, version)
);
CREATE INDEX decision_log_by_row ON decision_log (row_id, decided_at, member_id, version);
CREATE INDEX decision_log_refusals ON decision_log (decided_at, member_id, version)
    WHERE outcome = 'refused';

-- What renewals do not repeat: the title that a license is for, the plan and country of a member.
CREATE TABLE decision_log_license (
    bucket      integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id   text COLLATE "C" NOT NULL,
    license_id  text COLLATE "C" NOT NULL,
    title_id    text NOT NULL,
    studio      text,
    PRIMARY KEY (bucket, member_id, license_id)
);
CREATE TABLE decision_log_member (
    bucket     integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id  text COLLATE "C" NOT NULL,
    plan       text,
    country    text,
    PRIMARY KEY (bucket, member_id)
);
