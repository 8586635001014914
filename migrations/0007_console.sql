-- Times are microseconds since 1970-01-01 UTC.

-- What a search shows of a recording, taken from its document when it is declared. In rows from
-- before, started_us is empty until the gateway has read their documents, which it does by itself.
ALTER TABLE recordings ADD COLUMN started_us BIGINT;
ALTER TABLE recordings ADD COLUMN caller_number TEXT;
ALTER TABLE recordings ADD COLUMN dialed_number TEXT;
ALTER TABLE recordings ADD COLUMN agent_id TEXT;
ALTER TABLE recordings ADD COLUMN agent_name TEXT;
CREATE INDEX recordings_started ON recordings (tenant, started_us, id);
CREATE INDEX recordings_unindexed ON recordings (created_us) WHERE started_us IS NULL;

-- What finds a recording. A term is the bytes of a text in lower case: bytes have one order on either
-- database, whatever its locale, so the beginning of a term is a range.
CREATE TABLE recording_terms (
    tenant          TEXT   NOT NULL,
    -- agent, number, word.
    kind            TEXT   NOT NULL,
    term            BYTEA  NOT NULL,
    recording_id    TEXT   NOT NULL,
    PRIMARY KEY (tenant, kind, term, recording_id)
);
CREATE INDEX recording_terms_recording ON recording_terms (tenant, recording_id);

CREATE INDEX media_listed ON media (tenant, state, asset_id);

-- Tries made before an operator asked for more of them: they count no longer.
ALTER TABLE deliveries ADD COLUMN forgiven BIGINT NOT NULL DEFAULT 0;
CREATE INDEX deliveries_listed ON deliveries (tenant, created_us, id);
CREATE INDEX deliveries_by_state ON deliveries (tenant, state, created_us, id);
