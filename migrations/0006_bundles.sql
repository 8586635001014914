-- Times are microseconds since 1970-01-01 UTC.

-- Files made on request and kept for a while: ZIP files of recordings, CSV files about them.
CREATE TABLE bundles (
    -- Its name in links, and of the request.
    asset_id        TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    -- contacts, segments, metadata.
    kind            TEXT   NOT NULL,
    -- What was asked for, as JSON.
    request         TEXT   NOT NULL,
    requested_by    TEXT   NOT NULL,
    -- wanted, ready, failed, expired.
    state           TEXT   NOT NULL,
    -- What became of each thing that was asked for, as JSON.
    parts           TEXT,
    reason          TEXT,
    outcome         TEXT,
    segments        TEXT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    run_at_us       BIGINT NOT NULL,
    lease_owner     TEXT,
    lease_until_us  BIGINT NOT NULL DEFAULT 0,
    created_us      BIGINT NOT NULL,
    updated_us      BIGINT NOT NULL,
    -- When the file is removed.
    expires_us      BIGINT
);
CREATE INDEX bundles_due ON bundles (state, run_at_us);
CREATE INDEX bundles_listed ON bundles (tenant, kind, created_us);

-- The recordings that a bundle holds: taking back the links to one of them takes back the bundle's.
CREATE TABLE bundle_sources (
    asset_id        TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    PRIMARY KEY (asset_id, recording_id)
);
