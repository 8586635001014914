//! `[pipeline]`.

use serde::Deserialize;

/// How many assets are carried at once, and how patiently.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PipelineSettings {
    /// Assets carried at once.
    pub workers: usize,
    /// Wait before the second try in milliseconds; it doubles with each further one.
    pub retry_first_ms: u64,
    /// Longest wait between two tries in seconds. Tries never end: the recording is in the spool.
    pub retry_longest_s: u64,
}

impl Default for PipelineSettings {
    fn default() -> Self {
        Self { workers: 2, retry_first_ms: 1000, retry_longest_s: 300 }
    }
}

impl PipelineSettings {
    /// All faults, each beginning with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=64).contains(&self.workers) {
            faults.push("pipeline.workers must be 1 to 64".to_owned());
        }
        if self.retry_first_ms == 0 || self.retry_longest_s == 0 {
            faults.push(
                "pipeline.retry_first_ms and pipeline.retry_longest_s must be at least 1"
                    .to_owned(),
            );
        }
        faults
    }
}
