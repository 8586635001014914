//! Sample entries (ISO 14496-12 sections 8.5.2 and 12.2.3): what codes a track.

use super::{Budget, Fields, Mp4Box, boxes_in};
use crate::media::MediaError;

/// Most entries of one `stsd`.
const MAX_ENTRIES: u64 = 64;

/// One entry of `stsd`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleEntry {
    /// The coding's four characters.
    pub kind: [u8; 4],
    /// What follows the box header.
    pub payload: Vec<u8>,
    /// Offset of the payload in the file.
    pub offset: u64,
}

/// The entries of an `stsd` payload.
pub(super) fn read_stsd(
    payload: &[u8],
    at: u64,
    budget: &mut Budget,
) -> Result<Vec<SampleEntry>, MediaError> {
    let mut fields = Fields::new(payload, at);
    fields.version()?;
    let count = fields.u32()?;
    MediaError::check("the number of sample entries", u64::from(count), MAX_ENTRIES)?;
    let rest = fields.rest();
    let found = boxes_in(rest, fields.at(), budget)?;
    MediaError::check("the number of sample entries", found.len() as u64, MAX_ENTRIES)?;
    let entry = |part: Mp4Box| {
        let payload = slice(payload, at, &part).unwrap_or_default().to_vec();
        SampleEntry { kind: part.kind, payload, offset: part.offset }
    };
    Ok(found.into_iter().map(entry).collect())
}

/// The payload of `part` in `bytes`, which begin at byte `at` of the file.
pub(super) fn slice<'a>(bytes: &'a [u8], at: u64, part: &Mp4Box) -> Option<&'a [u8]> {
    let from = usize::try_from(part.offset.checked_sub(at)?).ok()?;
    let to = usize::try_from(part.end.checked_sub(at)?).ok()?;
    bytes.get(from..to)
}

/// The sound fields of a sample entry, and the boxes in it.
#[derive(Debug, Clone)]
pub struct SoundEntry<'a> {
    /// As the entry says; codecs know better.
    pub channels: u16,
    /// Bits of one sample of one channel, for PCM.
    pub bits: u16,
    /// The version 2 flags of QuickTime's `lpcm` (1 float, 2 big-endian, 4 signed).
    pub format_flags: Option<u32>,
    /// Boxes inside, QuickTime's `wave` unpacked: type, offset in the file, payload.
    pub boxes: Vec<([u8; 4], u64, &'a [u8])>,
}

impl<'a> SoundEntry<'a> {
    /// Reads the fields of a sound track's entry.
    ///
    /// # Errors
    /// Malformed when it is cut short.
    pub fn read(entry: &'a SampleEntry, budget: &mut Budget) -> Result<Self, MediaError> {
        let mut fields = Fields::new(&entry.payload, entry.offset);
        fields.take(8)?;
        let version = fields.u16()?;
        fields.take(6)?;
        let (mut channels, mut bits) = (fields.u16()?, fields.u16()?);
        fields.take(8)?;
        let mut format_flags = None;
        match version {
            // QuickTime File Format, "Sound Sample Description (Version 1)" and (Version 2).
            1 => {
                fields.take(16)?;
            }
            2 => {
                fields.take(12)?;
                channels = u16::try_from(fields.u32()?).unwrap_or(0);
                fields.take(4)?;
                bits = u16::try_from(fields.u32()?).unwrap_or(0);
                format_flags = Some(fields.u32()?);
                fields.take(8)?;
            }
            _ => {}
        }
        let mut boxes = Vec::new();
        for part in boxes_in(fields.rest(), fields.at(), budget)? {
            let payload = slice(&entry.payload, entry.offset, &part).unwrap_or_default();
            if &part.kind == b"wave" {
                for inner in boxes_in(payload, part.offset, budget)? {
                    let inside = slice(payload, part.offset, &inner).unwrap_or_default();
                    boxes.push((inner.kind, inner.offset, inside));
                }
            } else {
                boxes.push((part.kind, part.offset, payload));
            }
        }
        Ok(Self { channels, bits, format_flags, boxes })
    }

    /// Offset and payload of the first box of a kind.
    pub fn child(&self, kind: &[u8; 4]) -> Option<(u64, &'a [u8])> {
        let found = self.boxes.iter().find(|child| &child.0 == kind);
        found.map(|(_, at, payload)| (*at, *payload))
    }
}

/// What an `esds` box says (ISO 14496-1 section 7.2.6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ElementaryStream<'a> {
    /// objectTypeIndication: 0x40 is MPEG-4 audio, 0x69 and 0x6B are MPEG audio.
    pub object_type: u8,
    /// DecoderSpecificInfo; for MPEG-4 audio the AudioSpecificConfig.
    pub config: &'a [u8],
}

impl<'a> ElementaryStream<'a> {
    /// Reads an `esds` payload.
    ///
    /// # Errors
    /// Malformed when a descriptor is missing or cut short.
    pub fn read(payload: &'a [u8], at: u64) -> Result<Self, MediaError> {
        let mut fields = Fields::new(payload, at);
        fields.version()?;
        let mut stream = Fields::new(descriptor(&mut fields, 3)?, at);
        stream.u16()?;
        let flags = stream.u8()?;
        if flags & 0x80 != 0 {
            stream.u16()?;
        }
        if flags & 0x40 != 0 {
            let len = stream.u8()?;
            stream.take(usize::from(len))?;
        }
        if flags & 0x20 != 0 {
            stream.u16()?;
        }
        let mut decoder = Fields::new(descriptor(&mut stream, 4)?, at);
        let object_type = decoder.u8()?;
        decoder.take(12)?;
        // MPEG audio has no DecoderSpecificInfo.
        let config = if decoder.rest().is_empty() { &[] } else { descriptor(&mut decoder, 5)? };
        Ok(Self { object_type, config })
    }
}

/// The next descriptor, which must have the given tag. Its length is in up to four groups of seven
/// bits.
fn descriptor<'a>(fields: &mut Fields<'a>, tag: u8) -> Result<&'a [u8], MediaError> {
    let at = fields.at();
    if fields.u8()? != tag {
        return Err(MediaError::malformed("a descriptor is missing", at));
    }
    let mut len = 0;
    for _ in 0..4 {
        let byte = fields.u8()?;
        len = (len << 7) | usize::from(byte & 0x7F);
        if byte & 0x80 == 0 {
            break;
        }
    }
    fields.take(len)
}
