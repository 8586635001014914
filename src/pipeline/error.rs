//! Why an asset was not carried on.

use crate::mask::{MaskError, QuarantineReason};

/// An error of one run of one asset.
#[derive(Debug, thiserror::Error)]
pub enum PipelineError {
    /// The asset itself is the reason: it is quarantined.
    #[error("{}: {detail}", .reason.code())]
    Quarantine {
        /// Stable code.
        reason: QuarantineReason,
        /// The reason in words.
        detail: String,
    },
    /// The ledger lets nothing of the asset be kept: it is erased.
    #[error("nothing of it may be kept")]
    NotRecorded,
    /// Masking failed for another reason.
    #[error("masking failed")]
    Mask(#[source] MaskError),
    /// The spool failed.
    #[error("the spool failed")]
    Spool(#[from] crate::spool::SpoolError),
    /// Sealing failed.
    #[error("sealing failed")]
    Seal(#[from] crate::seal::SealError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] crate::store::StoreError),
    /// The object's name is not usable.
    #[error("the object's name is not usable")]
    Key(#[from] crate::store::KeyError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalog(#[from] crate::catalog::CatalogError),
    /// A row or document is not what was written.
    #[error("the rows of asset {asset} do not fit together: {detail}")]
    Rows {
        /// Which asset.
        asset: String,
        /// What does not fit.
        detail: String,
    },
    /// A worker thread ended early.
    #[error("a worker thread failed")]
    Thread,
}

impl From<MaskError> for PipelineError {
    fn from(error: MaskError) -> Self {
        match error.reason() {
            Some(reason) => Self::Quarantine { reason, detail: error.to_string() },
            None => Self::Mask(error),
        }
    }
}
