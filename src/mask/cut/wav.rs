//! WAVE: the samples end early, and every number that tells their length is written anew.

use super::framed::{self, read_at};
use super::{Cut, CutFound, Slice, ticks_before};
use crate::asset::MediaTime;
use crate::mask::{MaskError, QuarantineReason};
use crate::media::{ByteOrder, Chunk, Encoding, Measured, MediaError, ReadSeek, WavLayout};

/// Most bytes before the samples that are kept in memory, with the chunks among them.
const MAX_HEAD_BYTES: u64 = 1024 * 1024;
/// A size that says "look elsewhere".
const UNKNOWN: u32 = u32::MAX;

/// Where a WAVE file must end. What follows the samples (lists, cues) is left out with them.
pub(super) fn find(
    source: &mut dyn ReadSeek,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    let (layout, torn) = match WavLayout::read(source, bytes) {
        Ok(layout) => (layout, false),
        // A header that promises more than came: up to `data`, the rest does not matter.
        Err(MediaError::Malformed { .. }) => {
            let layout = WavLayout::read(source, Measured::OPEN_END)?;
            let data_len = bytes.saturating_sub(layout.data_offset);
            (WavLayout { data_len, total_len: bytes, ..layout }, true)
        }
        Err(error) => return Err(error.into()),
    };
    let (kept, samples, inner) = match kept(source, &layout, at)? {
        Some(kept) => kept,
        None => return Ok(CutFound::Uncuttable),
    };
    let sound = kept;
    if sound == 0 {
        return Ok(CutFound::Nothing);
    }
    if sound >= layout.data_len && inner.is_none() && !torn {
        return Ok(CutFound::Whole);
    }
    let head = head(source, &layout, sound, samples)?;
    let end = layout.data_offset.saturating_add(sound);
    let mut slices = vec![Slice::Bytes(head)];
    match inner {
        Some(inner) => slices.push(inner),
        None => slices.push(Slice::Source(layout.data_offset..end)),
    }
    slices.push(Slice::Bytes(if sound & 1 == 1 { vec![0] } else { Vec::new() }));
    Ok(CutFound::Kept(Cut::new(slices, bytes)))
}

/// Bytes of sound, samples of one channel, and where they come from if not from one stretch.
type Sound = (u64, u64, Option<Slice>);

/// How much of `data` is kept. `None` for a codec whose bytes do not tell time.
fn kept(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
    at: MediaTime,
) -> Result<Option<Sound>, MaskError> {
    let frames = ticks_before(at, layout.sample_rate);
    let align = u64::from(layout.block_align);
    let (unit_bytes, unit_samples) = match layout.encoding {
        Encoding::Mp3 => return mp3(source, layout, at),
        // A byte is two samples.
        Encoding::G722 => (1, 2),
        Encoding::Other(tag) => {
            let detail = format!("wave_0x{tag:04x} in {}", layout.container);
            let reason = QuarantineReason::MaskUnsupportedContainer;
            return Err(MaskError::quarantine(reason, detail));
        }
        encoding if encoding.sample_bytes().is_some() => (align, 1),
        encoding => match encoding.block_samples(layout.channels, layout.block_align) {
            Some(samples) if samples > 0 => (align, samples),
            _ => return Ok(None),
        },
    };
    let units = (frames / unit_samples).min(layout.data_len / unit_bytes);
    let all = frames / unit_samples > layout.data_len / unit_bytes;
    // What is left of a last unit counts when the file ends before the cut anyway.
    let bytes = if all { layout.data_len } else { units.saturating_mul(unit_bytes) };
    Ok(Some((bytes, units.saturating_mul(unit_samples), None)))
}

fn mp3(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
    at: MediaTime,
) -> Result<Option<Sound>, MaskError> {
    let range = layout.data_offset..layout.data_offset.saturating_add(layout.data_len);
    Ok(match framed::mp3(source, range, at)? {
        CutFound::Whole => Some((layout.data_len, layout.frames, None)),
        CutFound::Nothing => Some((0, 0, None)),
        CutFound::Uncuttable => None,
        CutFound::Kept(cut) => {
            let samples = ticks_before(at, layout.sample_rate).min(layout.frames);
            // Without its index frame, the sound is the last stretch.
            cut.last_slice().map(|(len, slice)| (len, samples, Some(slice)))
        }
    })
}

/// Everything up to the samples, with the lengths of the shorter file.
fn head(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
    sound: u64,
    samples: u64,
) -> Result<Vec<u8>, MaskError> {
    MediaError::check("the bytes before the samples", layout.data_offset, MAX_HEAD_BYTES)?;
    let mut head = vec![0; usize::try_from(layout.data_offset).unwrap_or(0)];
    read_at(source, 0, &mut head)?;
    let order = layout.byte_order;
    let total = layout.data_offset.saturating_add(sound).saturating_add(sound & 1);
    let riff = total.saturating_sub(8);
    let before = |id: &[u8; 4]| layout.chunks.iter().find(|chunk| &chunk.id == id).copied();
    let long = before(b"ds64").filter(|chunk| chunk.len >= 28 && chunk.offset < layout.data_offset);
    let data_size_at = layout.data_offset.saturating_sub(4);
    if let Some(Chunk { offset, .. }) = long {
        for (at, number) in [(0, riff), (8, sound), (16, samples)] {
            put(&mut head, offset.saturating_add(at), &number.to_le_bytes());
        }
    } else {
        let size = |number| u32::try_from(number).unwrap_or(UNKNOWN);
        put(&mut head, 4, &long_number(order, size(riff)));
        put(&mut head, data_size_at, &long_number(order, size(sound)));
    }
    if long.is_some() && head_number(&head, order, data_size_at) != UNKNOWN {
        let size = u32::try_from(sound).unwrap_or(UNKNOWN);
        put(&mut head, data_size_at, &long_number(order, size));
    }
    let fact = before(b"fact").filter(|chunk| chunk.len >= 4 && chunk.offset < layout.data_offset);
    if let Some(fact) = fact {
        let count = u32::try_from(samples).unwrap_or(UNKNOWN);
        put(&mut head, fact.offset, &long_number(order, count));
    }
    Ok(head)
}

const fn long_number(order: ByteOrder, number: u32) -> [u8; 4] {
    match order {
        ByteOrder::Little => number.to_le_bytes(),
        ByteOrder::Big => number.to_be_bytes(),
    }
}

fn head_number(head: &[u8], order: ByteOrder, at: u64) -> u32 {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    order.u32(head.get(at..).unwrap_or_default())
}

fn put(head: &mut [u8], at: u64, bytes: &[u8]) {
    let at = usize::try_from(at).unwrap_or(usize::MAX);
    let target = head.get_mut(at..).and_then(|rest| rest.get_mut(..bytes.len()));
    if let Some(target) = target {
        target.copy_from_slice(bytes);
    }
}
