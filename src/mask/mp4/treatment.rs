//! What is done with a track, told from its sample entry.

use super::text::TextKind;
use crate::mask::unit::Coding;
use crate::mask::{MaskError, QuarantineReason};
use crate::media::MediaError;
use crate::media::mp4::{Budget, ElementaryStream, SampleEntry, Sizes, SoundEntry, TrackIndex};

/// How a track is masked.
pub(super) enum Treatment {
    /// Holds nothing that was said or shown.
    Keep,
    /// Sound without frames: every byte becomes this one.
    Fill(u8),
    /// Sound in units.
    Coded(Box<dyn Coding>),
    /// Pictures, which are taken out.
    Drop,
    /// Text, which is blanked.
    Blank(TextKind),
    /// Of a kind that cannot be masked.
    Refuse(String),
}

/// A mask falls on something that cannot be masked.
pub(super) fn refused(detail: impl Into<String>) -> MaskError {
    MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, detail)
}

impl Treatment {
    /// The treatment of `track`.
    ///
    /// # Errors
    /// Malformed when a sample entry breaks its rules.
    pub(super) fn of(track: &TrackIndex) -> Result<Self, MediaError> {
        if !track.self_contained {
            return Ok(Self::Refuse(format!("track {} is kept in another file", track.id)));
        }
        match &track.handler {
            b"soun" => match track.entries.as_slice() {
                [entry] => sound(entry, track),
                _ => Ok(Self::Refuse(format!("track {} changes its codec", track.id))),
            },
            b"vide" => Ok(pictures(track)),
            b"tmcd" => Ok(Self::Keep),
            _ => {
                let mut kinds = track.entries.iter().map(|entry| TextKind::of(entry.kind));
                Ok(match kinds.next().flatten() {
                    Some(first) if kinds.all(|kind| kind == Some(first)) => Self::Blank(first),
                    _ => Self::Refuse(unknown(track)),
                })
            }
        }
    }

    /// Whether the samples of `track` are looked at chunk by chunk: there may be one per PCM frame.
    pub(super) fn by_chunks(&self, track: &TrackIndex) -> bool {
        let equal = matches!(track.table.sizes, Sizes::Same { .. });
        matches!(self, Self::Fill(_)) && equal && track.table.durations.len() == 1
    }
}

fn unknown(track: &TrackIndex) -> String {
    let name = |bytes: &[u8; 4]| String::from_utf8_lossy(bytes).into_owned();
    let kinds: Vec<String> = track.entries.iter().map(|entry| name(&entry.kind)).collect();
    format!("track {} ({} {})", track.id, name(&track.handler), kinds.join("+"))
}

fn pictures(track: &TrackIndex) -> Treatment {
    let known = |entry: &SampleEntry| {
        matches!(
            &entry.kind,
            b"avc1"
                | b"avc3"
                | b"hvc1"
                | b"hev1"
                | b"vp08"
                | b"vp09"
                | b"av01"
                | b"mp4v"
                | b"mjpa"
                | b"mjpb"
                | b"jpeg"
                | b"png "
                | b"s263"
                | b"H263"
                | b"h263"
        )
    };
    if !track.entries.is_empty() && track.entries.iter().all(known) {
        Treatment::Drop
    } else {
        Treatment::Refuse(unknown(track))
    }
}

/// The one place where codecs in MP4 are known.
fn sound(entry: &SampleEntry, track: &TrackIndex) -> Result<Treatment, MediaError> {
    let mut budget = Budget::default();
    let fields = SoundEntry::read(entry, &mut budget)?;
    Ok(match &entry.kind {
        b"alaw" => Treatment::Fill(0xD5),
        b"ulaw" => Treatment::Fill(0xFF),
        b"raw " if fields.bits == 8 => Treatment::Fill(0x80),
        b"sowt" | b"twos" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"ipcm" | b"fpcm" => {
            Treatment::Fill(0)
        }
        // Bit 1 of the flags: float; bit 4: signed.
        b"lpcm" if fields.format_flags.is_some_and(|flags| flags & 5 != 0) => Treatment::Fill(0),
        b"mp4a" => match fields.child(b"esds") {
            Some((at, esds)) => elementary(ElementaryStream::read(esds, at)?, track)?,
            None => Treatment::Refuse(unknown(track)),
        },
        _ => Treatment::Refuse(unknown(track)),
    })
}

fn elementary(stream: ElementaryStream<'_>, track: &TrackIndex) -> Result<Treatment, MediaError> {
    let kind = stream.object_type;
    Ok(Treatment::Refuse(format!("{} with object type {kind:#04x}", unknown(track))))
}

/// Bytes of one PCM frame, where QuickTime's table says 1 for any (QuickTime File Format, "Sample
/// Size Atoms").
pub(super) fn frame_size(track: &TrackIndex) -> Result<Option<u32>, MediaError> {
    let [entry] = track.entries.as_slice() else { return Ok(None) };
    if !matches!(track.table.sizes, Sizes::Same { size: 1, .. }) {
        return Ok(None);
    }
    let fields = SoundEntry::read(entry, &mut Budget::default())?;
    let sample = match &entry.kind {
        b"alaw" | b"ulaw" | b"raw " => 1,
        b"in24" => 3,
        b"in32" | b"fl32" => 4,
        b"fl64" => 8,
        _ => u32::from(fields.bits.div_ceil(8)),
    };
    let frame = sample.saturating_mul(u32::from(fields.channels));
    Ok(Some(frame).filter(|frame| *frame > 1))
}
