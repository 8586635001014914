-- Times are microseconds since 1970-01-01 UTC.

-- Which store holds a recording: active, archiving (being copied to the archive), clearing (there;
-- being removed here), archived, restoring (being copied back), returned (in both, until tier_until_us).
ALTER TABLE recordings ADD COLUMN tier TEXT NOT NULL DEFAULT 'active';
ALTER TABLE recordings ADD COLUMN tier_until_us BIGINT;
ALTER TABLE recordings ADD COLUMN tier_run_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN tier_lease_us BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN tier_owner TEXT;
ALTER TABLE recordings ADD COLUMN tier_attempts BIGINT NOT NULL DEFAULT 0;
ALTER TABLE recordings ADD COLUMN tier_error TEXT;
CREATE INDEX recordings_tier ON recordings (tier, tier_run_us);
CREATE INDEX recordings_to_archive ON recordings (tier, created_us);

-- Requests to bring recordings back.
CREATE TABLE retrieval_jobs (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    name            TEXT   NOT NULL,
    requested_by    TEXT   NOT NULL,
    return_us       BIGINT NOT NULL,
    cancelled       BIGINT NOT NULL DEFAULT 0,
    created_us      BIGINT NOT NULL
);
CREATE INDEX retrieval_jobs_listed ON retrieval_jobs (tenant, created_us);
CREATE TABLE retrieval_items (
    job_id          TEXT   NOT NULL,
    tenant          TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    PRIMARY KEY (job_id, tenant, recording_id)
);
CREATE INDEX retrieval_items_recording ON retrieval_items (tenant, recording_id);
