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
