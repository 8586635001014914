//! The kind of a track's pictures, and whether a sample is one to begin with.

use super::rebuild::read_at;
use crate::mask::key_picture::PictureKind;
use crate::media::mp4::{Sample, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// How many first bytes of a picture are looked at: parameter sets and messages come first.
const HEAD_BYTES: u64 = 64 * 1024;

impl PictureKind {
    /// The kind of a track's pictures.
    pub(super) fn of(track: &TrackIndex) -> Self {
        let Some(entry) = track.entries.first() else { return Self::Unknown };
        // The configuration follows the 78 bytes of a picture entry's fields.
        let config = |kind: &[u8; 4]| {
            let boxes = entry.payload.get(78..)?;
            boxes.get(boxes.windows(4).position(|four| four == kind)?..)?.get(4..)
        };
        match &entry.kind {
            b"avc1" | b"avc3" => config(b"avcC").map_or(Self::Unknown, Self::avc),
            b"hvc1" | b"hev1" => config(b"hvcC").map_or(Self::Unknown, Self::hevc),
            b"vp08" => Self::Vp8,
            b"vp09" => Self::Vp9,
            b"av01" => Self::Av1,
            b"mp4v" => Self::Visual,
            b"mjpa" | b"mjpb" | b"jpeg" | b"png " => Self::Still,
            _ => Self::Unknown,
        }
    }

    /// Whether decoding can begin at `picture`.
    ///
    /// # Errors
    /// When the source cannot be read.
    pub(super) fn begins_at(
        self,
        source: &mut dyn ReadSeek,
        picture: &Sample,
    ) -> Result<bool, MediaError> {
        let mut head = vec![0; usize::try_from(picture.len.min(HEAD_BYTES)).unwrap_or(0)];
        read_at(source, picture.offset, &mut head)?;
        Ok(self.is_key(&head).unwrap_or(false))
    }
}
