//! What is done with a track, told from its sample entry.

use super::amr_frames;
use super::sound::first_units;
use super::text::TextKind;
use crate::mask::unit::{Coding, Reach};
use crate::mask::{MaskError, QuarantineReason, aac, flac, mp3, opus};
use crate::media::mp3::FrameHeader;
use crate::media::mp4::{Budget, ElementaryStream, SampleEntry, Sizes, SoundEntry, TrackIndex};
use crate::media::{AmrBand, AudioSpecificConfig, MediaError, OpusHead, ReadSeek};

/// How many units tell whether AAC has SBR that nothing signals.
const TESTED_UNITS: usize = 64;

/// How a track is masked.
pub(super) enum Treatment {
    /// Holds nothing that was said or shown.
    Keep,
    /// Sound without frames: every byte becomes this one.
    Fill(u8),
    /// Sound in units.
    Coded(Box<dyn Coding>),
    /// MPEG audio layer III, whose units share bits: how far they are heard, and samples per second.
    Mp3(Reach, u32),
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
    /// Malformed when a sample entry breaks its rules; quarantine for a profile that is not handled.
    pub(super) fn of(source: &mut dyn ReadSeek, track: &TrackIndex) -> Result<Self, MaskError> {
        if !track.self_contained {
            return Ok(Self::Refuse(format!("track {} is kept in another file", track.id)));
        }
        match &track.handler {
            b"soun" => match track.entries.as_slice() {
                [entry] => sound(source, entry, track),
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
fn sound(
    source: &mut dyn ReadSeek,
    entry: &SampleEntry,
    track: &TrackIndex,
) -> Result<Treatment, MaskError> {
    let fields = SoundEntry::read(entry, &mut Budget::default())?;
    let child = |kind| {
        let missing =
            || MediaError::malformed("a sample entry lacks its codec's box", entry.offset);
        fields.child(kind).ok_or_else(missing)
    };
    Ok(match &entry.kind {
        b"alaw" => Treatment::Fill(0xD5),
        b"ulaw" => Treatment::Fill(0xFF),
        b"raw " if fields.bits == 8 => Treatment::Fill(0x80),
        b"sowt" | b"twos" | b"in24" | b"in32" | b"fl32" | b"fl64" | b"ipcm" | b"fpcm" => {
            Treatment::Fill(0)
        }
        // Bit 1 of the flags: float; bit 4: signed.
        b"lpcm" if fields.format_flags.is_some_and(|flags| flags & 5 != 0) => Treatment::Fill(0),
        b"mp4a" => {
            let (at, esds) = child(b"esds")?;
            let stream = ElementaryStream::read(esds, at)?;
            match stream.object_type {
                // MPEG-4, and MPEG-2 low complexity (ISO 14496-1 table 5).
                0x40 | 0x67 => aac(source, stream.config, at, track)?,
                0x69 | 0x6B => mp3(source, track)?,
                kind => Treatment::Refuse(format!("{} of type {kind:#04x}", unknown(track))),
            }
        }
        b".mp3" | b"mp3 " => mp3(source, track)?,
        b"Opus" => {
            let (at, dops) = child(b"dOps")?;
            Treatment::Coded(opus::coding(&OpusHead::read_dops(dops, at)?)?)
        }
        b"fLaC" => {
            let (at, dfla) = child(b"dfLa")?;
            // Version and flags, and the head of the first metadata block.
            let info = dfla.get(8..).ok_or_else(|| MediaError::malformed("dfLa is short", at))?;
            Treatment::Coded(flac::coding(info)?)
        }
        b"samr" => Treatment::Coded(amr_frames::coding(AmrBand::Narrow)),
        b"sawb" => Treatment::Coded(amr_frames::coding(AmrBand::Wide)),
        _ => Treatment::Refuse(unknown(track)),
    })
}

fn aac(
    source: &mut dyn ReadSeek,
    config: &[u8],
    at: u64,
    track: &TrackIndex,
) -> Result<Treatment, MaskError> {
    let config = AudioSpecificConfig::parse(config, at)?;
    let coding = aac::coding(&config)?;
    let units = first_units(source, &track.table, TESTED_UNITS)?;
    if config.sbr.is_none() && aac::carries_sbr(&units) {
        return Err(aac::implicit_sbr());
    }
    Ok(Treatment::Coded(coding))
}

fn mp3(source: &mut dyn ReadSeek, track: &TrackIndex) -> Result<Treatment, MaskError> {
    let units = first_units(source, &track.table, 1)?;
    let header = units.first().and_then(|unit| FrameHeader::read(unit));
    let reach = if track.edits.is_empty() { mp3::REACH_ANY_DELAY } else { mp3::REACH };
    Ok(match header {
        Some(header) => Treatment::Mp3(reach, header.sample_rate()),
        None if units.is_empty() => Treatment::Keep,
        None => Treatment::Refuse(unknown(track)),
    })
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
