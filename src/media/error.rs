//! What can be wrong with a media file.

/// Why a media file could not be read. Messages are fit for the uploader.
#[derive(Debug, thiserror::Error)]
pub enum MediaError {
    /// The bytes break the format's rules.
    #[error("{what} at byte {offset}")]
    Malformed {
        /// The rule that is broken.
        what: String,
        /// Where, in bytes from the start of the file.
        offset: u64,
    },
    /// The bytes may be right, but are of a kind that is not handled.
    #[error("{what} is not supported")]
    Unsupported {
        /// The kind.
        what: String,
    },
    /// A count or size beyond what is accepted from outside.
    #[error("{what} is {found}; the limit is {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The most that is accepted.
        limit: u64,
        /// What the file has.
        found: u64,
    },
    /// The source failed; says nothing about the file.
    #[error("the media source could not be read")]
    Io(#[from] std::io::Error),
}

impl MediaError {
    pub(crate) fn malformed(what: impl Into<String>, offset: u64) -> Self {
        Self::Malformed { what: what.into(), offset }
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    /// Refuses `found` above `limit`.
    pub(crate) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), Self> {
        if found > limit { Err(Self::Limit { what, limit, found }) } else { Ok(()) }
    }
}
