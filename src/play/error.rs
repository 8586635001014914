//! Why something cannot be played.

/// An error of play, grouped by who is at fault.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The link was altered, or its key is gone.
    #[error("the link is not valid")]
    Altered,
    /// The link was good once.
    #[error("the link has expired")]
    Expired,
    /// The link was good, and was taken back.
    #[error("the link was revoked")]
    Revoked,
    /// The asset is not, or not yet, there to be played.
    #[error("the asset is not ready")]
    NotReady,
    /// It is sealed for others only.
    #[error("the asset is sealed, and the gateway holds no key for it")]
    NoKey,
    /// The stored object is not what was stored.
    #[error("segment {segment} of the stored object is not what was stored")]
    Tampered {
        /// Number of the segment, from 0.
        segment: u64,
    },
    /// The catalogue's row is not usable.
    #[error("the asset's row is not usable: {detail}")]
    Row {
        /// What is wrong.
        detail: String,
    },
    /// The keys of links cannot be read or written.
    #[error("the link keys cannot be used: {detail}")]
    Keys {
        /// Why.
        detail: String,
    },
    /// The envelope cannot be opened.
    #[error("the envelope cannot be opened")]
    Seal(#[from] crate::seal::SealError),
    /// The store failed.
    #[error("the store failed")]
    Store(#[from] crate::store::StoreError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalog(#[from] crate::catalog::CatalogError),
}
