//! `[play]`.

use serde::Deserialize;

/// How long links live.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaySettings {
    /// Shortest life of a link in seconds; a longer recording lengthens it (the download page of the media playback API).
    pub link_life_s: u64,
}

impl Default for PlaySettings {
    fn default() -> Self {
        Self { link_life_s: 30 * 60 }
    }
}
