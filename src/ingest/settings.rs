//! `[ingest]`.

use serde::Deserialize;

/// When an upload is acknowledged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Acknowledge {
    /// When its bytes are durable in the spool.
    #[default]
    Spooled,
    /// When the asset is ready: stored and verified.
    Stored,
}

/// What is taken in.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct IngestSettings {
    /// When the 2xx is given.
    pub ack: Acknowledge,
    /// Longest wait for *ready* before the 2xx, in seconds; after it the state is *spooled*.
    pub ack_wait_s: u64,
    /// Largest media file in bytes.
    pub max_media_bytes: u64,
    /// Uploads received at once.
    pub max_uploads: usize,
    /// Bytes of the spool's disk that stay free.
    pub reserve_bytes: u64,
    /// Longest silence of a sender before its upload is given up, in seconds.
    pub idle_s: u64,
    /// Longest time between two fsyncs of a live upload, in milliseconds.
    pub live_sync_ms: u64,
    /// Longest silence of the sender of a live upload, in seconds.
    pub live_idle_s: u64,
    /// How long a sender may go on when its interaction has ended, in milliseconds.
    pub live_grace_ms: u64,
}

impl Default for IngestSettings {
    fn default() -> Self {
        Self {
            ack: Acknowledge::Spooled,
            ack_wait_s: 60,
            max_media_bytes: 16 << 30,
            max_uploads: 64,
            reserve_bytes: 256 << 20,
            idle_s: 60,
            live_sync_ms: 1000,
            live_idle_s: 300,
            live_grace_ms: 5000,
        }
    }
}

impl IngestSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.max_media_bytes == 0 {
            faults.push("ingest.max_media_bytes must be at least 1".to_owned());
        }
        if !(1..=10_000).contains(&self.max_uploads) {
            faults.push("ingest.max_uploads must be 1 to 10000".to_owned());
        }
        if self.idle_s == 0 {
            faults.push("ingest.idle_s must be at least 1".to_owned());
        }
        if !(10..=60_000).contains(&self.live_sync_ms) {
            faults.push("ingest.live_sync_ms must be 10 to 60000".to_owned());
        }
        if self.live_idle_s == 0 {
            faults.push("ingest.live_idle_s must be at least 1".to_owned());
        }
        if self.live_grace_ms > 600_000 {
            faults.push("ingest.live_grace_ms must be at most 600000".to_owned());
        }
        faults
    }
}
