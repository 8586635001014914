-- What was done by whom: one hash chain for each tenant, only ever added to.
CREATE TABLE audit (
    tenant          TEXT   NOT NULL,
    -- From 1, without gaps.
    number          BIGINT NOT NULL,
    at_us           BIGINT NOT NULL,
    actor           TEXT   NOT NULL,
    action          TEXT   NOT NULL,
    subject         TEXT   NOT NULL,
    detail          TEXT   NOT NULL,
    previous_sha256 TEXT   NOT NULL,
    sha256          TEXT   NOT NULL,
    PRIMARY KEY (tenant, number)
);

-- The end of each chain. Its row is the lock that keeps two nodes from writing the same number.
CREATE TABLE audit_heads (
    tenant          TEXT   NOT NULL PRIMARY KEY,
    number          BIGINT NOT NULL,
    sha256          TEXT   NOT NULL
);

CREATE TABLE access_keys (
    id              TEXT   NOT NULL PRIMARY KEY,
    tenant          TEXT   NOT NULL,
    principal       TEXT   NOT NULL,
    secret_sha256   TEXT   NOT NULL,
    active          BIGINT NOT NULL DEFAULT 1,
    -- Counts the secrets that the key has had: tokens name the one that they came from.
    generation      BIGINT NOT NULL DEFAULT 1,
    created_us      BIGINT NOT NULL,
    last_used_us    BIGINT
);
CREATE INDEX access_keys_principal ON access_keys (tenant, principal);

-- A spent token stays until it expires, so that its second use is noticed.
CREATE TABLE refresh_tokens (
    token_sha256    TEXT   NOT NULL PRIMARY KEY,
    -- All that came out of one sign-in.
    family          TEXT   NOT NULL,
    access_key_id   TEXT   NOT NULL,
    generation      BIGINT NOT NULL,
    expires_us      BIGINT NOT NULL,
    spent           BIGINT NOT NULL DEFAULT 0
);
CREATE INDEX refresh_tokens_family ON refresh_tokens (family);
CREATE INDEX refresh_tokens_key ON refresh_tokens (access_key_id);

-- "control" granted nothing; what it was meant for is called "recorder". Those who may do
-- everything may do what is new as well.
UPDATE principals SET permissions = replace(permissions, 'control', 'recorder');
UPDATE principals SET permissions = permissions || ' record.on_demand record.mask record.screen'
    || ' events.read keys.manage keys.own audit.read'
    WHERE kind = 'operator' AND permissions LIKE '%admin%';
