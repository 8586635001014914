//! `[bundle]`.

use serde::Deserialize;

/// Longest time that a bundle may be kept, in hours.
const MAX_KEEP_H: u32 = 24 * 30;

/// How long bundles are kept, and how often metadata may be extracted.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct BundleSettings {
    /// How long a ZIP or CSV file is kept after it was made, in hours.
    pub keep_h: u32,
    /// Life of a link to a CSV file in seconds; a download that has begun goes on.
    pub extraction_link_s: u64,
    /// Shortest time between two extractions of a tenant, in seconds.
    pub extraction_spacing_s: u64,
    /// The status by which an extraction that comes too soon is refused: 429, or 403 as some clients
    /// of the original know it.
    pub extraction_too_soon: u16,
}

impl BundleSettings {
    /// Every fault, each with the name of its setting.
    pub fn check(&self) -> Vec<String> {
        let mut faults = Vec::new();
        if !(1..=MAX_KEEP_H).contains(&self.keep_h) {
            faults.push(format!("bundle.keep_h must be 1 to {MAX_KEEP_H}"));
        }
        if !(1..=3600).contains(&self.extraction_link_s) {
            faults.push("bundle.extraction_link_s must be 1 to 3600".to_owned());
        }
        if self.extraction_spacing_s > 3600 {
            faults.push("bundle.extraction_spacing_s must be 0 to 3600".to_owned());
        }
        if ![403, 429].contains(&self.extraction_too_soon) {
            faults.push("bundle.extraction_too_soon must be 403 or 429".to_owned());
        }
        faults
    }
}

impl Default for BundleSettings {
    fn default() -> Self {
        Self {
            keep_h: 24,
            extraction_link_s: 30,
            extraction_spacing_s: 30,
            extraction_too_soon: 429,
        }
    }
}
