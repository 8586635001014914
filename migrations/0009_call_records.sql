-- Times are microseconds since 1970-01-01 UTC.

-- What the call-record API of a PBX shows: a row for each sound file that is in the store or the
-- archive. It is written when the file is ready, and goes when the file is deleted.
CREATE TABLE call_records (
    asset_id            TEXT   NOT NULL PRIMARY KEY,
    tenant              TEXT   NOT NULL,
    recording_id        TEXT   NOT NULL,
    -- The extension's id, a hyphen, and 32 hexadecimal digits in upper case.
    record_uuid         TEXT   NOT NULL,
    extension_id        BIGINT NOT NULL,
    extension_group_id  BIGINT,
    call_uuid           TEXT   NOT NULL,
    -- When the call began, and the month of that as year times 100 plus month.
    init_us             BIGINT NOT NULL,
    month               BIGINT NOT NULL,
    duration_s          BIGINT NOT NULL,
    bytes               BIGINT NOT NULL,
    -- The object as callers get it, as JSON.
    shown               TEXT   NOT NULL,
    listed_us           BIGINT NOT NULL,
    UNIQUE (tenant, record_uuid)
);
CREATE INDEX call_records_client ON call_records (tenant, init_us, record_uuid);
CREATE INDEX call_records_extension
    ON call_records (tenant, extension_id, init_us, record_uuid);
CREATE INDEX call_records_call ON call_records (tenant, call_uuid);
CREATE INDEX call_records_recording ON call_records (tenant, recording_id);

-- Links without an end and without a sign-in, to files in the store. The token is made again from
-- the link key and the nonce when it is asked for; a link is found by the token's digest.
CREATE TABLE storage_links (
    token_sha256        TEXT   NOT NULL PRIMARY KEY,
    tenant              TEXT   NOT NULL,
    asset_id            TEXT   NOT NULL,
    key_id              TEXT   NOT NULL,
    nonce               TEXT   NOT NULL,
    created_us          BIGINT NOT NULL,
    revoked_us          BIGINT
);
CREATE INDEX storage_links_asset ON storage_links (asset_id);

-- Users and applications of a PBX: what they see ends at their extension or group, if they have one.
ALTER TABLE principals ADD COLUMN extension_id BIGINT;
ALTER TABLE principals ADD COLUMN extension_group_id BIGINT;
ALTER TABLE principals ADD COLUMN timezone TEXT;
-- Of an application: the OAuth 2.0 grants that it may use, separated by blanks, and how much its
-- tokens allow: call or all.
ALTER TABLE principals ADD COLUMN grants TEXT;
ALTER TABLE principals ADD COLUMN access_level TEXT;

-- Those who may do everything may do what is new as well.
UPDATE principals SET permissions = permissions || ' records.read'
    WHERE kind = 'operator' AND permissions LIKE '%admin%';
