-- Times are microseconds since 1970-01-01 UTC on the gateway's clock, unless a name says otherwise.

-- Appliances on the recorder channel.
CREATE TABLE recorders (
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    -- The principal that registered it; no other may speak for it.
    principal       TEXT   NOT NULL,
    -- Names separated by blanks: voice, screen, pause, stop.
    capabilities    TEXT   NOT NULL,
    -- JSON list of the users whose screens it records; NULL for all.
    users           TEXT,
    -- The recorder's clock minus ours.
    clock_offset_us BIGINT NOT NULL,
    -- The position of the last command that it was given.
    last_position   BIGINT NOT NULL,
    seen_us         BIGINT NOT NULL,
    created_us      BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

-- The whole conversation with a customer; every change to a live interaction raises its version.
CREATE TABLE contacts (
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    version         BIGINT NOT NULL,
    -- When the customer declined to be recorded.
    declined_us     BIGINT,
    created_us      BIGINT NOT NULL,
    PRIMARY KEY (tenant, id)
);

CREATE TABLE interactions (
    tenant          TEXT   NOT NULL,
    id              TEXT   NOT NULL,
    contact_id      TEXT   NOT NULL,
    segment_id      TEXT   NOT NULL,
    -- call, or screen for a session that the screen recording API started.
    kind            TEXT   NOT NULL,
    internal        BIGINT NOT NULL,
    recorder_id     TEXT   NOT NULL,
    -- Whether the recording policy records it.
    policy          BIGINT NOT NULL,
    -- none, voice, voiceAndScreen or stopped: what was last asked for on demand.
    demand          TEXT   NOT NULL,
    masked          BIGINT NOT NULL,
    held            BIGINT NOT NULL,
    -- The time of the last event that said so.
    hold_us         BIGINT,
    -- The request whose commands are in flight, and until when it holds the interaction.
    lock_request    TEXT,
    lock_until_us   BIGINT,
    -- When a screen session stops by itself.
    until_us        BIGINT,
    business_data   TEXT,
    started_us      BIGINT NOT NULL,
    seen_us         BIGINT NOT NULL,
    ended_us        BIGINT,
    end_reason      TEXT,
    PRIMARY KEY (tenant, id)
);
CREATE INDEX interactions_contact ON interactions (tenant, contact_id);
CREATE INDEX interactions_live ON interactions (ended_us, until_us);
CREATE INDEX interactions_recorder ON interactions (tenant, recorder_id, ended_us);

CREATE TABLE participants (
    tenant          TEXT   NOT NULL,
    interaction_id  TEXT   NOT NULL,
    user_id         TEXT   NOT NULL,
    joined_us       BIGINT NOT NULL,
    left_us         BIGINT,
    PRIMARY KEY (tenant, interaction_id, user_id)
);
CREATE INDEX participants_user ON participants (tenant, user_id, left_us);

-- What recorders are told; each stays until it is acknowledged.
CREATE TABLE commands (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    recorder_id     TEXT   NOT NULL,
    -- Its place among the commands of this recorder, from 1.
    position        BIGINT NOT NULL,
    interaction_id  TEXT   NOT NULL,
    request_id      TEXT   NOT NULL,
    kind            TEXT   NOT NULL,
    argument        TEXT,
    -- sent, accepted, done, refused, expired.
    state           TEXT   NOT NULL,
    -- 1 while the recorder is to be told.
    open            BIGINT NOT NULL,
    issued_us       BIGINT NOT NULL,
    deadline_us     BIGINT NOT NULL,
    settled_us      BIGINT,
    -- When and where in the media it took effect, on the recorder's clock.
    effect_us       BIGINT,
    media_ms        BIGINT,
    detail          TEXT,
    UNIQUE (tenant, recorder_id, position)
);
CREATE INDEX commands_open ON commands (tenant, recorder_id, open);
CREATE INDEX commands_request ON commands (request_id);
CREATE INDEX commands_deadline ON commands (state, deadline_us);

-- The mask ledger: only ever appended to.
CREATE TABLE ledger (
    tenant          TEXT   NOT NULL,
    interaction_id  TEXT   NOT NULL,
    position        BIGINT NOT NULL,
    -- mask, unmask, pause, resume (the recorder's own), drop (nothing is kept from here), keep,
    -- hold, unhold.
    kind            TEXT   NOT NULL,
    at_us           BIGINT NOT NULL,
    -- The same instant on the recorder's clock, which the media's startTime is written in.
    recorder_at_us  BIGINT NOT NULL,
    -- Who brought it: api, recorder, policy, timer.
    source          TEXT   NOT NULL,
    -- Names the cause, so that an event that comes twice is written once.
    cause           TEXT   NOT NULL,
    received_us     BIGINT NOT NULL,
    PRIMARY KEY (tenant, interaction_id, position),
    UNIQUE (tenant, interaction_id, cause)
);

-- The live interaction whose ledger applies to a recording.
ALTER TABLE recordings ADD COLUMN interaction_id TEXT;
CREATE INDEX recordings_interaction ON recordings (tenant, interaction_id);
