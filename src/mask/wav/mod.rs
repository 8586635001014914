//! Silence in WAV and RF64. Where bytes follow time evenly, they become the encoding's silent byte;
//! codecs in blocks, and what else has units, are silenced by their own rewriters inside `data`.
//! Nothing moves.

mod channels;
mod data;
mod samples;
#[cfg(test)]
mod tests;

use std::io::SeekFrom;

use super::check::ByteRecheck;
use super::constant::ConstantUnit;
use super::framed::{FramedCheck, FramedRewrite};
use super::patch::{Edit, Patcher};
use super::silence::{Rewrite, unsupported};
use super::ticks::TickSpans;
use super::track::CodedTrack;
use super::{MaskError, MaskPlan, Recheck, adpcm, gsm};
use crate::media::{ByteOrder, Chunk, Encoding, Measured, MediaError, ReadSeek, WavLayout};
use channels::{ChannelCheck, ChannelPatcher, Lanes};
use data::{BlockFramer, DataCheck, DataRewrite};
use samples::Pace;

/// Most bytes after the last chunk that may stay in a masked file: padding, or an ID3v1 tag. More
/// could be sound that the header does not account for.
const MAX_TRAILER_BYTES: u64 = 256;
/// Where `bext` has its version, and from version 2 its five loudness values (EBU Tech 3285).
const BEXT_VERSION: u64 = 346;
const BEXT_LOUDNESS: (u64, u64) = (412, 422);
/// A loudness value that is not set.
const NOT_SET: i16 = 0x7FFF;

/// The rewriter for a plan that is not empty.
pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let layout = WavLayout::read(source, facts.bytes)?;
    if layout.trailer_len > MAX_TRAILER_BYTES {
        let what = format!("{} bytes after the last chunk are no chunk", layout.trailer_len);
        let offset = layout.total_len - layout.trailer_len;
        return Err(MediaError::Malformed { what, offset }.into());
    }
    let lanes = Lanes::of(&layout, plan)?;
    let mut cleared = Vec::new();
    let mut edits = Vec::new();
    for (chunk, edit) in describing_chunks(source, &layout)? {
        cleared.push(String::from_utf8_lossy(&chunk.id).into_owned());
        edits.push(edit);
    }
    if let Some(pace) = Pace::of(&layout) {
        let (mut scope, silent) = pace.silence(plan, &layout);
        scope.metadata_cleared = cleared;
        return Ok(match lanes {
            Some(lanes) => Box::new(ChannelPatcher::new(scope, edits, silent, lanes)),
            None => Box::new(Patcher::new(scope, [edits, silent].concat())),
        });
    }
    let unit = block_unit(&layout).ok_or_else(|| unsupported(facts))?;
    let spans = TickSpans::new(plan, facts, layout.sample_rate, 0);
    let track = CodedTrack::new(Box::new(unit), spans);
    let inner = FramedRewrite::new(BlockFramer::new(layout.block_align), Box::new(track));
    Ok(Box::new(DataRewrite::new(&layout, edits, cleared, Box::new(inner))))
}

/// The check for a plan that is not empty.
pub(super) fn check(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let layout = WavLayout::read(source, facts.bytes)?;
    let lanes = Lanes::of(&layout, plan)?;
    let cleared = describing_chunks(source, &layout)?;
    let cleared: Vec<Edit> = cleared.into_iter().map(|(_, edit)| edit).collect();
    if let Some(pace) = Pace::of(&layout) {
        let silent = pace.expected(plan, &layout);
        if lanes.is_some() {
            return Ok(Box::new(ChannelCheck::new(cleared, silent, &layout, plan)));
        }
        return Ok(Box::new(ByteRecheck::new([cleared, silent].concat(), facts.bytes)));
    }
    let unit = block_unit(&layout).ok_or_else(|| unsupported(facts))?;
    let spans = TickSpans::new(plan, facts, layout.sample_rate, 0);
    let framer = || BlockFramer::new(layout.block_align);
    let inner = FramedCheck::new((framer(), framer()), Box::new(unit), spans);
    Ok(Box::new(DataCheck::new(&layout, cleared, Box::new(inner))))
}

/// The silent block of a codec whose blocks are equally long.
fn block_unit(layout: &WavLayout) -> Option<ConstantUnit> {
    let samples = layout.encoding.block_samples(layout.channels, layout.block_align)?;
    let (rate, channels) = (layout.sample_rate, usize::from(layout.channels));
    let bytes = usize::from(layout.block_align);
    match layout.encoding {
        Encoding::ImaAdpcm => Some(adpcm::ima_block(rate, samples, bytes)),
        Encoding::MsAdpcm => Some(adpcm::ms_block(rate, samples, bytes, channels)),
        Encoding::Gsm => Some(gsm::block(rate)),
        _ => None,
    }
}

/// The chunks that describe the sound that is no longer there:
/// peaks, the peak envelope, and loudness.
fn describing_chunks(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
) -> Result<Vec<(Chunk, Edit)>, MaskError> {
    let mut found = Vec::new();
    for chunk in &layout.chunks {
        let (from, to, fill) = match &chunk.id {
            b"PEAK" | b"levl" => (0, chunk.len, [0; 2]),
            b"bext" if chunk.len >= BEXT_LOUDNESS.1 => {
                let mut version = [0; 2];
                source
                    .seek(SeekFrom::Start(chunk.offset + BEXT_VERSION))
                    .map_err(MediaError::Io)?;
                source.read_exact(&mut version).map_err(MediaError::Io)?;
                if layout.byte_order.u16(&version) < 2 {
                    continue;
                }
                let not_set = match layout.byte_order {
                    ByteOrder::Little => NOT_SET.to_le_bytes(),
                    ByteOrder::Big => NOT_SET.to_be_bytes(),
                };
                (BEXT_LOUDNESS.0, BEXT_LOUDNESS.1, not_set)
            }
            _ => continue,
        };
        if from < to {
            found.push((*chunk, Edit { from: chunk.offset + from, to: chunk.offset + to, fill }));
        }
    }
    Ok(found)
}
