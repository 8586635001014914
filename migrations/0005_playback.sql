-- Times are microseconds since 1970-01-01 UTC.

-- How a recording is found by those who play it: the ACD call id of its contact, the id of the
-- contact above that one, if any, and the segment that it is.
ALTER TABLE recordings ADD COLUMN contact_id TEXT;
ALTER TABLE recordings ADD COLUMN master_contact_id TEXT;
ALTER TABLE recordings ADD COLUMN segment_id TEXT;
UPDATE recordings SET
    contact_id = COALESCE((SELECT i.contact_id FROM interactions i
        WHERE i.tenant = recordings.tenant AND i.id = recordings.interaction_id), id),
    segment_id = COALESCE((SELECT i.segment_id FROM interactions i
        WHERE i.tenant = recordings.tenant AND i.id = recordings.interaction_id), id);
CREATE INDEX recordings_contact ON recordings (tenant, contact_id);
CREATE INDEX recordings_master ON recordings (tenant, master_contact_id);
CREATE INDEX recordings_segment ON recordings (tenant, segment_id);

-- Files made from stored assets for playing. The recipe says from which and how; a recording's
-- row with the recipe 'all' asks for those that are usually wanted.
CREATE TABLE renditions (
    asset_id        TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    recording_id    TEXT   NOT NULL,
    recipe          TEXT   NOT NULL,
    -- wanted, ready, failed.
    state           TEXT   NOT NULL,
    reason          TEXT,
    outcome         TEXT,
    segments        TEXT,
    -- Peaks of each channel, as JSON.
    waveform        TEXT,
    attempts        BIGINT NOT NULL DEFAULT 0,
    run_at_us       BIGINT NOT NULL,
    lease_owner     TEXT,
    lease_until_us  BIGINT NOT NULL DEFAULT 0,
    created_us      BIGINT NOT NULL,
    UNIQUE (tenant, recording_id, recipe)
);
CREATE INDEX renditions_due ON renditions (state, run_at_us);

-- Links made up to an instant are void: those to one asset, or all of a tenant when the subject is
-- empty.
CREATE TABLE link_revocations (
    tenant          TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    before_us       BIGINT NOT NULL,
    PRIMARY KEY (tenant, subject)
);

-- Tickets let whoever holds one follow the permanent link of one contact or segment.
CREATE TABLE play_tickets (
    ticket_sha256   TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    -- contact or segment, and its id.
    kind            TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    issued_by       TEXT   NOT NULL,
    created_us      BIGINT NOT NULL,
    UNIQUE (tenant, id)
);

-- 'play' let its holder hear everything; that is 'play.any' now, and 'play' is for one's own.
UPDATE principals SET permissions = permissions || ' play.any play.insights links.manage'
    WHERE (' ' || permissions || ' ') LIKE '% play %';
