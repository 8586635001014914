//! What the mask ledger says of a live interaction, in the order of its instants.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// What holds from an instant on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RulingKind {
    /// Nothing must be heard or seen.
    Mask,
    /// It may be heard again.
    Unmask,
    /// Nothing is kept: a stop, a do-not-record, or a policy that does not record.
    Drop,
    /// It is kept again.
    Keep,
    /// The customer is on hold; the media is not changed.
    Hold,
    /// The hold ended.
    Unhold,
}

impl RulingKind {
    const ALL: [Self; 6] =
        [Self::Mask, Self::Unmask, Self::Drop, Self::Keep, Self::Hold, Self::Unhold];

    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Mask => "mask",
            Self::Unmask => "unmask",
            Self::Drop => "drop",
            Self::Keep => "keep",
            Self::Hold => "hold",
            Self::Unhold => "unhold",
        }
    }

    /// The kind of this name.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == text)
    }
}

/// One entry of the mask ledger.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ruling {
    /// From when it holds, on the clock of the recorder: the one that `startTime` is written in.
    pub at: Timestamp,
    /// What holds.
    pub kind: RulingKind,
}
