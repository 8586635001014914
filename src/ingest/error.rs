//! Why an upload was not taken.

use crate::asset::Digest;

/// An error of an upload, grouped by who is at fault.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    // The sender.
    /// The body has no bytes.
    #[error("the media file has no bytes")]
    Empty,
    /// The body is longer than is taken.
    #[error("the media file is longer than the limit of {limit} bytes")]
    TooLarge {
        /// `ingest.max_media_bytes`.
        limit: u64,
    },
    /// The body is not as long as declared.
    #[error("{field} says {declared} bytes, and {found} came")]
    Length {
        /// Where it was declared.
        field: String,
        /// Declared.
        declared: u64,
        /// Received.
        found: u64,
    },
    /// The body is not what was declared.
    #[error("{field} says SHA-256 {declared}, and the bytes have {found}")]
    Digest {
        /// Where it was declared.
        field: String,
        /// Declared.
        declared: Digest,
        /// Received.
        found: Digest,
    },
    /// The sender went away or fell silent.
    #[error("the body broke off after {received} bytes")]
    Broken {
        /// Received until then.
        received: u64,
    },
    /// The media was acknowledged before, with other bytes.
    #[error("the media file exists with other bytes")]
    OtherBytes,
    /// Another upload of the same media is under way.
    #[error("another upload of this media file is under way")]
    Busy,
    /// The upload is not where the sender goes on.
    #[error("{expected} bytes of the media file are here, and the body begins at {provided}")]
    Offset {
        /// Durable here.
        expected: u64,
        /// What the sender said.
        provided: u64,
    },
    /// No such recording, or no such media in it.
    #[error("no recording declares this media file")]
    Unknown,

    // Us.
    /// The spool's disk has no room.
    #[error("the spool has no room for {bytes} more bytes")]
    NoRoom {
        /// Bytes wanted.
        bytes: u64,
    },
    /// As many uploads as are taken at once are under way.
    #[error("{limit} uploads are under way")]
    TooMany {
        /// `ingest.max_uploads`.
        limit: usize,
    },
    /// The spool failed.
    #[error("the spool failed")]
    Spool(#[from] crate::spool::SpoolError),
    /// The catalogue failed.
    #[error("the catalogue failed")]
    Catalog(#[from] crate::catalog::CatalogError),
    /// The receipt could not be signed.
    #[error("the receipt could not be signed")]
    Receipt(#[from] crate::seal::SealError),
    /// A worker thread ended early.
    #[error("a worker thread failed")]
    Thread,
}
