//! `[retention]`.

use serde::Deserialize;

/// Longest age that can be asked for, in days.
const MAX_DAYS: u32 = 36_500;

/// When recordings leave the store.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RetentionSettings {
    /// Days after its declaration at which a recording moves to the archive; never without. It needs
    /// `archive.url`.
    pub archive_after_days: Option<u32>,
}

impl RetentionSettings {
    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if self.archive_after_days.is_some_and(|days| days > MAX_DAYS) {
            faults.push(format!("retention.archive_after_days must be 0 to {MAX_DAYS}"));
        }
        faults
    }
}
