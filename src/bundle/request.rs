//! What is asked for, and what became of it: as JSON in the row of a bundle.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::CallFilter;
use crate::mail::Language;

/// Most contacts or segments of one ZIP file.
pub const MAX_ENTITIES: usize = 500;

/// The media of contacts or segments.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MediaRequest {
    /// Their ids.
    pub entity_ids: Vec<String>,
    /// Whether whoever asks may have everybody's, or their own only.
    pub any: bool,
}

/// The metadata of recordings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct MetadataRequest {
    /// First instant at which they begin.
    pub from: Timestamp,
    /// First instant at which they do not any more.
    pub until: Timestamp,
}

/// The call records of a period.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct RecordsRequest {
    /// Which.
    pub filter: CallFilter,
    /// Who is written to when it is there, if anybody is.
    pub letter_to: Option<String>,
    /// In which language.
    pub language: Language,
}

/// How far one entity is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum PartStatus {
    /// Not begun.
    Pending,
    /// In the file.
    Completed,
    /// Not in the file.
    Failed,
}

/// What became of one entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Part {
    /// Its id, as it was asked for.
    pub entity_id: String,
    /// How far it is.
    pub status: PartStatus,
    /// Why it is not in the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure_reason: Option<String>,
}
