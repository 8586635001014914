-- Times are microseconds since 1970-01-01 UTC.

-- When the interaction of the recording ended, on the recorder's clock: the stopTime of media files
-- that were declared without one.
ALTER TABLE recordings ADD COLUMN stop_us BIGINT;
-- 1 for an upload that is spooled while the call goes on: what is durable of it is kept when its
-- connection breaks.
ALTER TABLE media ADD COLUMN live BIGINT NOT NULL DEFAULT 0;
