-- Times are microseconds since 1970-01-01 UTC; JSON is text; booleans are 0 or 1.

CREATE TABLE principals (
    tenant          TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    permissions     TEXT   NOT NULL,
    password_hash   TEXT,
    token_sha256    TEXT,
    disabled        BIGINT NOT NULL DEFAULT 0,
    created_us      BIGINT NOT NULL,
    PRIMARY KEY (tenant, name)
);
CREATE UNIQUE INDEX principals_token ON principals (token_sha256);
CREATE UNIQUE INDEX principals_name ON principals (name);

CREATE TABLE recordings (
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    document        TEXT   NOT NULL,
    masks_complete  BIGINT NOT NULL,
    created_us      BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- Masks that came after the document, in the order of their arrival.
CREATE TABLE late_masks (
    tenant          TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    time            TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    PRIMARY KEY (tenant, recording_id, position)
);

CREATE TABLE media (
    asset_id        TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    media_id        TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    -- The node whose spool holds the bytes, until they are stored.
    node            TEXT,
    state           TEXT   NOT NULL,
    reason          TEXT,
    detail          TEXT,
    upload_bytes    BIGINT,
    upload_sha256   TEXT,
    receipt         TEXT,
    outcome         TEXT,
    segments        TEXT,
    created_us      BIGINT NOT NULL,
    UNIQUE (tenant, media_id)
);
CREATE INDEX media_recording ON media (tenant, recording_id);
CREATE INDEX media_state ON media (state);

CREATE TABLE media_stages (
    asset_id        TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    state           TEXT   NOT NULL,
    reason          TEXT,
    at_us           BIGINT NOT NULL,
    PRIMARY KEY (asset_id, position)
);

CREATE TABLE jobs (
    asset_id        TEXT   NOT NULL PRIMARY KEY,
    node            TEXT   NOT NULL,
    run_at_us       BIGINT NOT NULL,
    running         BIGINT NOT NULL DEFAULT 0,
    attempts        BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT
);
CREATE INDEX jobs_due ON jobs (node, run_at_us);

CREATE TABLE deliveries (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    target          TEXT   NOT NULL,
    state           TEXT   NOT NULL,
    body            TEXT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    run_at_us       BIGINT NOT NULL,
    lease_owner     TEXT,
    lease_until_us  BIGINT NOT NULL DEFAULT 0,
    created_us      BIGINT NOT NULL,
    UNIQUE (tenant, recording_id, target)
);
CREATE INDEX deliveries_due ON deliveries (state, run_at_us);

CREATE TABLE delivery_tries (
    delivery_id     TEXT   NOT NULL,
    attempt         BIGINT NOT NULL,
    at_us           BIGINT NOT NULL,
    outcome         TEXT   NOT NULL,
    detail          TEXT   NOT NULL,
    PRIMARY KEY (delivery_id, attempt)
);

-- What our own insertion endpoint took in.
CREATE TABLE inserted_records (
    tenant          TEXT   NOT NULL,
    contact_center  TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    record          TEXT   NOT NULL,
    inserts         BIGINT NOT NULL,
    created_us      BIGINT NOT NULL,
    PRIMARY KEY (tenant, contact_center, id)
);
