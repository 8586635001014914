//! What a delivery row of mail holds.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::asset::AssetId;

/// In which language a letter is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// English.
    #[default]
    En,
    /// Russian.
    Ru,
}

/// A letter that is owed, as the body of its delivery row (JSON).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Letter {
    /// To whom: one plain address ([`super::parse_address`]).
    pub to: String,
    /// In which language.
    pub language: Language,
    /// About what.
    pub content: Content,
}

impl fmt::Debug for Letter {
    /// Without the recipient.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Letter").field("content", &self.content).finish_non_exhaustive()
    }
}

/// What a letter is about. The link of an archive is a secret and is not here: it is given when the
/// letter is composed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "camelCase", rename_all_fields = "camelCase")]
pub enum Content {
    /// An archive of recordings can be downloaded.
    ArchiveReady {
        /// The archive; its link is asked for by this id.
        asset: AssetId,
        /// Recordings in it.
        records: u64,
        /// Its length in bytes.
        bytes: u64,
        /// Begin of the period that was asked for.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
        /// When the link ends.
        expires: Timestamp,
    },
    /// An archive of recordings could not be made.
    ArchiveFailed {
        /// Begin of the period that was asked for.
        from: Timestamp,
        /// Its end.
        to: Timestamp,
        /// Why, in words for the one who asked.
        reason: String,
    },
    /// The recordings of a tenant take up much of what they may.
    SpaceWarning {
        /// Whose.
        tenant: String,
        /// What they take up, in bytes.
        used_bytes: u64,
        /// What they may take up, in bytes.
        quota_bytes: u64,
        /// The first in percent of the second.
        percent: u8,
    },
}

impl Content {
    /// The archive whose link the letter needs, and when that link ends.
    pub const fn archive(&self) -> Option<(AssetId, Timestamp)> {
        match self {
            Self::ArchiveReady { asset, expires, .. } => Some((*asset, *expires)),
            Self::ArchiveFailed { .. } | Self::SpaceWarning { .. } => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_row_is_json_in_camel_case() {
        let letter = Letter {
            to: "a@example.com".to_owned(),
            language: Language::Ru,
            content: Content::SpaceWarning {
                tenant: "default".to_owned(),
                used_bytes: 9,
                quota_bytes: 10,
                percent: 90,
            },
        };
        let row = json!({ "to": "a@example.com", "language": "ru", "content": {
            "kind": "spaceWarning", "tenant": "default", "usedBytes": 9, "quotaBytes": 10,
            "percent": 90 } });
        assert_eq!(serde_json::to_value(&letter).unwrap(), row);
        assert_eq!(serde_json::from_value::<Letter>(row).unwrap(), letter);
        assert!(!format!("{letter:?}").contains("example.com"));
    }
}
