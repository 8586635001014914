//! What keeps a file from being masked, and what that means for the file.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::media::MediaError;

/// Why an asset is held back instead of stored. The codes are stable: reports, metrics and
/// operators' scripts use them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QuarantineReason {
    /// A mask lies wholly before the first or after the last sample.
    MaskOutsideMedia,
    /// A time of a mask is not in one of the accepted forms.
    MaskTimeUnreadable,
    /// A time has no zone, and none is configured.
    MaskNeedsZone,
    /// A local time happened twice or never (daylight saving change).
    MaskTimeAmbiguous,
    /// A control event is neither `paused` nor `resume`.
    MaskKindUnknown,
    /// More control events than are accepted for one file.
    MaskTooManyEvents,
    /// A mask applies to a container or codec in which it cannot be written.
    MaskUnsupportedContainer,
    /// A mask applies to some channels only, of a file in which they cannot be silenced alone.
    MaskChannelUnsupported,
    /// The masked bytes did not pass the check.
    MaskRecheckFailed,
    /// The media file breaks its format's rules, or is cut off.
    MediaMalformed,
    /// The media file is of a kind that is not handled.
    MediaUnsupported,
    /// The media file has more of something than is accepted.
    MediaLimit,
    /// The bytes are not of the declared type.
    MediaTypeMismatch,
}

impl QuarantineReason {
    /// Every reason, for documents and metrics.
    pub const ALL: [Self; 13] = [
        Self::MaskOutsideMedia,
        Self::MaskTimeUnreadable,
        Self::MaskNeedsZone,
        Self::MaskTimeAmbiguous,
        Self::MaskKindUnknown,
        Self::MaskTooManyEvents,
        Self::MaskUnsupportedContainer,
        Self::MaskChannelUnsupported,
        Self::MaskRecheckFailed,
        Self::MediaMalformed,
        Self::MediaUnsupported,
        Self::MediaLimit,
        Self::MediaTypeMismatch,
    ];

    /// The stable code.
    pub const fn code(self) -> &'static str {
        match self {
            Self::MaskOutsideMedia => "mask_outside_media",
            Self::MaskTimeUnreadable => "mask_time_unreadable",
            Self::MaskNeedsZone => "mask_needs_zone",
            Self::MaskTimeAmbiguous => "mask_time_ambiguous",
            Self::MaskKindUnknown => "mask_kind_unknown",
            Self::MaskTooManyEvents => "mask_too_many_events",
            Self::MaskUnsupportedContainer => "mask_unsupported_container",
            Self::MaskChannelUnsupported => "mask_channel_unsupported",
            Self::MaskRecheckFailed => "mask_recheck_failed",
            Self::MediaMalformed => "media_malformed",
            Self::MediaUnsupported => "media_unsupported",
            Self::MediaLimit => "media_limit",
            Self::MediaTypeMismatch => "media_type_mismatch",
        }
    }
}

impl fmt::Display for QuarantineReason {
    /// The public text.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::MaskOutsideMedia => "a mask lies wholly outside the media file",
            Self::MaskTimeUnreadable => "a mask time cannot be read",
            Self::MaskNeedsZone => "a time has no zone, and no mask.zone is configured",
            Self::MaskTimeAmbiguous => "a local time is ambiguous in the configured zone",
            Self::MaskKindUnknown => "a control event is neither paused nor resume",
            Self::MaskTooManyEvents => "there are too many control events",
            Self::MaskUnsupportedContainer => "a mask cannot be written in this kind of file",
            Self::MaskChannelUnsupported => {
                "single channels cannot be masked in this kind of file, or there are fewer"
            }
            Self::MaskRecheckFailed => "the masked file did not pass the check",
            Self::MediaMalformed => "the media file is damaged",
            Self::MediaUnsupported => "this kind of media file is not handled",
            Self::MediaLimit => "the media file exceeds a limit",
            Self::MediaTypeMismatch => "the media file is not of the declared type",
        })
    }
}

/// Why masking stopped.
#[derive(Debug, thiserror::Error)]
pub enum MaskError {
    /// The events or the file do not allow it; the file is to be held back.
    #[error("{reason}: {detail}")]
    Quarantine {
        /// The stable reason.
        reason: QuarantineReason,
        /// Which event, which codec, which time.
        detail: String,
    },
    /// The media file could not be read.
    #[error(transparent)]
    Media(#[from] MediaError),
    /// More or fewer bytes were pushed than the file was announced to have.
    #[error("the file was announced with {expected} bytes, and {found} came")]
    Length {
        /// Announced.
        expected: u64,
        /// Seen.
        found: u64,
    },
    /// The masked bytes are not what they should be.
    #[error("the masked file is wrong at byte {offset}")]
    Recheck {
        /// First wrong byte.
        offset: u64,
    },
}

impl MaskError {
    pub(super) fn quarantine(reason: QuarantineReason, detail: impl Into<String>) -> Self {
        Self::Quarantine { reason, detail: detail.into() }
    }

    /// The reason to hold the file back; `None` when the failure says nothing about the file
    /// (an I/O error, or a stream that was not given whole), so that a retry may help.
    pub const fn reason(&self) -> Option<QuarantineReason> {
        match self {
            Self::Quarantine { reason, .. } => Some(*reason),
            Self::Media(MediaError::Malformed { .. }) => Some(QuarantineReason::MediaMalformed),
            Self::Media(MediaError::Unsupported { .. }) => Some(QuarantineReason::MediaUnsupported),
            Self::Media(MediaError::Limit { .. }) => Some(QuarantineReason::MediaLimit),
            Self::Media(MediaError::Io(_)) | Self::Length { .. } => None,
            Self::Recheck { .. } => Some(QuarantineReason::MaskRecheckFailed),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_what_is_serialised() {
        for reason in QuarantineReason::ALL {
            let json = serde_json::to_string(&reason).unwrap();
            assert_eq!(json, format!("\"{}\"", reason.code()));
            assert!(!reason.to_string().ends_with('.'));
        }
    }
}
