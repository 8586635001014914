//! Why the spool failed.

use crate::asset::AssetId;

/// An error of the spool.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// The disk refused; a full disk is among these.
    #[error("the spool's disk failed")]
    Io(#[from] std::io::Error),
    /// There is no file of this asset.
    #[error("the spool has no file of asset {asset}")]
    Missing {
        /// Which.
        asset: AssetId,
    },
    /// The file is not what was written.
    #[error("the spool file is damaged at byte {offset}")]
    Damaged {
        /// Where in the file.
        offset: u64,
    },
    /// Sealing or unsealing failed.
    #[error("the spool's key failed")]
    Key(#[from] crate::seal::SealError),
    /// No randomness.
    #[error("no randomness from the operating system")]
    Random(#[from] crate::seal::RandomError),
}

impl SpoolError {
    pub(super) const fn damaged(offset: u64) -> Self {
        Self::Damaged { offset }
    }

    /// Whether the disk is full.
    pub fn is_full(&self) -> bool {
        matches!(self, Self::Io(error) if error.kind() == std::io::ErrorKind::StorageFull)
    }
}
