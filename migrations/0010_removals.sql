-- Times are microseconds since 1970-01-01 UTC.

-- Since when nothing of a recording may be deleted, who said so, and why.
ALTER TABLE recordings ADD COLUMN held_us BIGINT;
ALTER TABLE recordings ADD COLUMN held_by TEXT;
ALTER TABLE recordings ADD COLUMN hold_reason TEXT;
