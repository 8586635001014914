//! Deleting stored assets: all that are named, or none, and what must follow from it.

use jiff::Timestamp;

use super::{Catalog, CatalogError};
use crate::asset::{AssetId, RecordingId, TenantId};

/// Why an asset is deleted, as its state says afterwards: somebody asked for it.
pub const DELETED: &str = "deleted";
/// The same: its time was over, or its place was needed.
pub const RETENTION: &str = "retention";

/// On whose behalf, and why.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deletion<'d> {
    /// [`DELETED`] or [`RETENTION`].
    pub reason: &'static str,
    /// Login name of who asked; `system` for the gateway itself.
    pub actor: &'d str,
    /// What was done, for the audit trail, as `noun.verb`: `record.delete`.
    pub action: &'d str,
}

/// What became of a deletion.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deleted {
    /// What could be deleted is; nobody gets it any more, and it goes from the stores next.
    Done {
        /// How many assets were deleted.
        count: u64,
        /// How many were not there: unknown, of another tenant, deleted before, or in a state in
        /// which nothing is stored yet.
        missing: u64,
    },
    /// Nothing was changed, for these of their recordings are on hold.
    Held {
        /// By name.
        recordings: Vec<RecordingId>,
    },
}

impl Catalog {
    /// Deletes assets of a tenant in one transaction: all of them, or none when one of their
    /// recordings is on hold. Assets that are *ready*, *archived* or only *declared* can be deleted.
    /// Afterwards ring the bell of the remover.
    ///
    /// # Errors
    /// [`CatalogError`]; then nothing was changed.
    pub async fn delete_assets(
        &self,
        _tenant: &TenantId,
        _assets: &[AssetId],
        _why: Deletion<'_>,
        _now: Timestamp,
    ) -> Result<Deleted, CatalogError> {
        Err(CatalogError::row("deletion", "not built"))
    }
}
