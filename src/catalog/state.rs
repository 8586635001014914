//! The states of a media row.

use std::fmt;

/// Where an asset stands (`docs/architecture.md`, "The life of an asset").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "lowercase")]
pub enum MediaState {
    /// Named by a document; no byte has come.
    Declared,
    /// An upload is under way.
    Receiving,
    /// Acknowledged: durable in the spool.
    Spooled,
    /// The final object's name and digest are decided; it may or may not be there yet.
    Committing,
    /// Stored, verified, and the record is complete.
    Ready,
    /// Moved to the archive: it is there, verified, and nobody plays it from there.
    Archived,
    /// Kept in the spool, sealed from everybody, with a reason code.
    Quarantined,
    /// Nothing of it may be kept, and nothing is.
    Erased,
}

impl MediaState {
    /// The name in rows, answers and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Declared => "declared",
            Self::Receiving => "receiving",
            Self::Spooled => "spooled",
            Self::Committing => "committing",
            Self::Ready => "ready",
            Self::Archived => "archived",
            Self::Quarantined => "quarantined",
            Self::Erased => "erased",
        }
    }

    /// Whether nothing more will happen by itself.
    pub const fn is_final(self) -> bool {
        matches!(self, Self::Ready | Self::Archived | Self::Quarantined | Self::Erased)
    }

    /// Whether its outcome tells of an object that is there, or about to be.
    pub const fn has_outcome(self) -> bool {
        matches!(self, Self::Committing | Self::Ready)
    }

    /// The state of this name.
    pub fn parse(text: &str) -> Option<Self> {
        [
            Self::Declared,
            Self::Receiving,
            Self::Spooled,
            Self::Committing,
            Self::Ready,
            Self::Archived,
            Self::Quarantined,
            Self::Erased,
        ]
        .into_iter()
        .find(|state| state.name() == text)
    }
}

impl fmt::Display for MediaState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
