//! `[play]`.

use serde::Deserialize;

/// Links, and how often they may be asked for.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PlaySettings {
    /// Shortest life of a link in seconds; a longer recording lengthens it (the download page of the media playback API).
    pub link_life_s: u64,
    /// Whether a link is good only for the address that asked for it.
    pub bind_address: bool,
    /// Whether a rendition without a picture is served as `audio/mp4`; else as `video/mp4`, which
    /// more players know.
    pub audio_mp4: bool,
    /// Requests to the media playback API that one access key, or one login without, may send in
    /// `requests_window_s`.
    pub requests: u32,
    /// The window for `requests`, in seconds.
    pub requests_window_s: u64,
    /// How many bytes of segments that were read and verified are kept in memory, as they are
    /// stored; 0 keeps none.
    pub cache_bytes: u64,
}

impl PlaySettings {
    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.requests == 0 {
            faults.push("play.requests must be at least 1".to_owned());
        }
        if !(1..=24 * 3600).contains(&self.requests_window_s) {
            faults.push("play.requests_window_s must be 1 to 86400".to_owned());
        }
        faults
    }
}

impl Default for PlaySettings {
    fn default() -> Self {
        Self {
            link_life_s: 30 * 60,
            bind_address: false,
            audio_mp4: false,
            requests: 150,
            requests_window_s: 300,
            cache_bytes: 64 << 20,
        }
    }
}
