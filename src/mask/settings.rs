//! The `[mask]` table of the settings.

use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::DEFAULT_GUARD;
use crate::asset::{MediaTime, SourceTimeline};

/// Added to the guard of a decoded file: decoders differ in how much they play before the first
/// sample.
pub const DECODED_GUARD: MediaTime = MediaTime::from_millis(200);
/// Widest guard in milliseconds.
pub const MAX_GUARD_MS: u64 = 60_000;
/// Longest wait for late masks in seconds: a week.
pub const MAX_WAIT_S: u64 = 7 * 24 * 3600;

/// What to do where silence cannot be written in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Fallback {
    /// Hold the file back, with the reason.
    #[default]
    Quarantine,
    /// Decode it, and go on with a WAVE file; the certificate says so.
    Transcode,
}

/// How control events become silence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct MaskSettings {
    /// Silence added before and after each mask, in milliseconds.
    pub guard_ms: u64,
    /// Zone in which times without one are read, such as `America/New_York`. Without it, a file
    /// with such times is held back.
    pub zone: Option<String>,
    /// How long a file whose masks may still come waits for them, in seconds.
    pub wait_s: u64,
    /// Whether recorders keep pauses in their files, where a recording does not say so itself.
    pub source_timeline: SourceTimeline,
    /// Whether a pause of one media file silences the other files of its recording at that time.
    pub across_media: bool,
    /// What happens with a file that a mask applies to, but in which it cannot be written in
    /// place.
    pub fallback: Fallback,
}

impl Default for MaskSettings {
    fn default() -> Self {
        Self {
            guard_ms: DEFAULT_GUARD.as_millis(),
            zone: None,
            wait_s: 900,
            source_timeline: SourceTimeline::Auto,
            across_media: true,
            fallback: Fallback::Quarantine,
        }
    }
}

impl MaskSettings {
    /// Every fault, each as one line that begins with the setting's name.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.guard_ms > MAX_GUARD_MS {
            faults.push(format!("mask.guard_ms is {}; the limit is {MAX_GUARD_MS}", self.guard_ms));
        }
        if self.wait_s > MAX_WAIT_S {
            faults.push(format!("mask.wait_s is {}; the limit is {MAX_WAIT_S}", self.wait_s));
        }
        if let Some(zone) = self.zone.as_deref().filter(|zone| TimeZone::get(zone).is_err()) {
            faults.push(format!("mask.zone {zone:?} is not a known time zone"));
        }
        faults
    }

    /// The guard as media time.
    pub const fn guard(&self) -> MediaTime {
        MediaTime::from_millis(self.guard_ms)
    }

    /// The configured zone; `None` too when it is not known, which [`Self::check`] reports.
    pub fn time_zone(&self) -> Option<TimeZone> {
        TimeZone::get(self.zone.as_deref()?).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_is_reported_and_unknown_keys_are_refused() {
        let settings: MaskSettings =
            toml::from_str("guard_ms = 60001\nzone = \"Mars/Olympus\"\nwait_s = 604801").unwrap();
        assert_eq!(settings.check().len(), 3);
        let settings: MaskSettings = toml::from_str("zone = \"Europe/Berlin\"").unwrap();
        assert_eq!((settings.check(), settings.guard()), (vec![], DEFAULT_GUARD));
        assert!(settings.time_zone().is_some());
        assert!(toml::from_str::<MaskSettings>("guard = 1").is_err());
    }
}
