-- Times are microseconds since 1970-01-01 UTC.

-- Since when nothing of a recording may be deleted, who said so, and why.
ALTER TABLE recordings ADD COLUMN held_us BIGINT;
ALTER TABLE recordings ADD COLUMN held_by TEXT;
ALTER TABLE recordings ADD COLUMN hold_reason TEXT;
-- When the last media file of a recording was deleted. Such a row is a tombstone: nothing in it is
-- about a person, and nobody finds it.
ALTER TABLE recordings ADD COLUMN gone_us BIGINT;
CREATE INDEX recordings_kept ON recordings (tenant, started_us, id) WHERE gone_us IS NULL;

-- Length of the stored object. In rows from before it is that of the upload, which differs by what
-- sealing adds.
ALTER TABLE media ADD COLUMN stored_bytes BIGINT;
UPDATE media SET stored_bytes = upload_bytes WHERE outcome IS NOT NULL;
CREATE INDEX media_space ON media (tenant, state, stored_bytes);

CREATE INDEX bundle_sources_recording ON bundle_sources (recording_id);
CREATE INDEX inserted_records_by_id ON inserted_records (tenant, id);

-- What is to be removed from the stores: nobody gets it any more. A row goes when it is done.
CREATE TABLE removals (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    -- The recording that it belonged to; empty for a bundle.
    recording_id    TEXT   NOT NULL,
    -- asset (the object and all that lies beside it), object, or begun (all whose names begin like
    -- this).
    kind            TEXT   NOT NULL,
    object          TEXT   NOT NULL,
    -- 1 when the archive may be the only store that has it.
    away            BIGINT NOT NULL,
    run_at_us       BIGINT NOT NULL,
    attempts        BIGINT NOT NULL DEFAULT 0,
    lease_owner     TEXT,
    lease_until_us  BIGINT NOT NULL DEFAULT 0,
    last_error      TEXT,
    created_us      BIGINT NOT NULL
);
CREATE INDEX removals_due ON removals (run_at_us, id);

-- Tenants whose space is running out, and who were told so.
CREATE TABLE space_warnings (
    tenant          TEXT   NOT NULL PRIMARY KEY,
    warned_us       BIGINT NOT NULL
);

-- Those who may do everything may do what is new as well.
UPDATE principals SET permissions = permissions || ' records.hold records.delete'
    WHERE kind = 'operator' AND permissions LIKE '%admin%';
