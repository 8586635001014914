//! Why no rendition can be made.

use std::io;

use crate::asset::MediaTime;
use crate::media::MediaError;

/// An error of renditions, grouped by who is at fault. Offsets count in the source's bytes.
#[derive(Debug, thiserror::Error)]
pub enum RenditionError {
    /// The recipe names neither voice nor screen, or nothing in them can be played.
    #[error("there is neither sound nor picture to play")]
    Empty,
    /// The clip has nothing of the recording.
    #[error("the clip from {from} to {to} lies outside the recording")]
    OutsideClip {
        /// Where it should begin.
        from: MediaTime,
        /// Where it should end.
        to: MediaTime,
    },
    /// The source is of a kind that no MP4 holds without loss, and that is not decoded.
    #[error("{what} cannot be made into an MP4")]
    Unsupported {
        /// The kind.
        what: String,
    },
    /// A count or size beyond what is accepted.
    #[error("{what} is {found}; the limit is {limit}")]
    Limit {
        /// What was counted.
        what: &'static str,
        /// The most that is accepted.
        limit: u64,
        /// What was found.
        found: u64,
    },
    /// The source is damaged, or could not be read.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// The source gave other bytes when it was read again.
    #[error("the source changed between two readings, in the {track} track")]
    Changed {
        /// Which track: `sound` or `picture`.
        track: &'static str,
    },
    /// The receiver of the bytes failed.
    #[error("the rendition could not be passed on")]
    Sink(#[source] io::Error),
    /// The FLAC encoder failed.
    #[error("the FLAC encoder failed: {detail}")]
    Encoder {
        /// What it says.
        detail: String,
    },
}

impl RenditionError {
    pub(super) fn unsupported(what: impl Into<String>) -> Self {
        Self::Unsupported { what: what.into() }
    }

    /// Refuses `found` above `limit`.
    pub(super) fn check(what: &'static str, found: u64, limit: u64) -> Result<(), Self> {
        if found > limit { Err(Self::Limit { what, limit, found }) } else { Ok(()) }
    }
}

impl From<io::Error> for RenditionError {
    fn from(error: io::Error) -> Self {
        Self::Media(MediaError::Io(error))
    }
}
