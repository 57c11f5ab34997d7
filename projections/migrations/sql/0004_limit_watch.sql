-- When a member had used up a limit: from the step `version` on, until the clock or a later step
-- ended it (`until` is infinity where neither does).

CREATE TABLE limit_watch (
    bucket      integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id   text COLLATE "C" NOT NULL,
    limit_name  text NOT NULL,
    scope       text NOT NULL,
    version     bigint NOT NULL,
    label       text NOT NULL,
    used        bigint NOT NULL,
    most        bigint NOT NULL,
    since       timestamptz NOT NULL,
    until       timestamptz NOT NULL,
    PRIMARY KEY (bucket, member_id, limit_name, scope, version)
);
CREATE INDEX limit_watch_by_end ON limit_watch (until, since, member_id, version);

-- What the next event of a member is folded into: the licenses held, the limits known, as JSON.
CREATE TABLE limit_watch_member (
    bucket     integer NOT NULL CHECK (bucket BETWEEN 0 AND 1023),
    member_id  text COLLATE "C" NOT NULL,
    state      jsonb NOT NULL,
    PRIMARY KEY (bucket, member_id)
);
