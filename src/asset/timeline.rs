//! What a recorder did with its file while it was paused.

use serde::{Deserialize, Serialize};

/// Whether the pauses are in the media file (`docs/gir.md` R11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum SourceTimeline {
    /// The file went on: its clock is the wall clock.
    Silence,
    /// The file stopped: what follows a pause moved forward by its length.
    Cut,
    /// Decided by the file's duration; both where that does not decide it.
    #[default]
    Auto,
}
