//! Silence in WAV and RF64. Where bytes follow time evenly, they become the encoding's silent byte;
//! codecs in blocks, and what else has units, are silenced by their own rewriters inside `data`.
//! Nothing moves.

mod blocks;
mod channels;
mod data;
mod metadata;
mod samples;
mod tail;
#[cfg(test)]
mod tests;

use super::check::ByteRecheck;
use super::g722::{G722Check, G722Rewrite};
use super::patch::{Edit, Patcher};
use super::silence::Rewrite;
use super::{MaskError, MaskPlan, Recheck, mp3};
use crate::media::{Encoding, Measured, MediaError, ReadSeek, Section, WavLayout};
use channels::{ChannelCheck, ChannelPatcher, Lanes};
use data::{DataCheck, DataRewrite};
use metadata::describing_chunks;
use samples::Pace;
use tail::Tail;

/// Most bytes after the last chunk that may stay in a masked file: padding, or an ID3v1 tag. More
/// could be sound that the header does not account for.
const MAX_TRAILER_BYTES: u64 = 256;

/// The rewriter for a plan that is not empty.
pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let layout = WavLayout::read(source, facts.bytes)?;
    let rewrite = rewrite(source, &layout, facts, plan)?;
    if facts.bytes == Measured::OPEN_END {
        return Ok(Box::new(Tail::new(&layout, rewrite)));
    }
    Ok(rewrite)
}

fn rewrite(
    source: &mut dyn ReadSeek,
    layout: &WavLayout,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    if layout.trailer_len > MAX_TRAILER_BYTES {
        let what = format!("{} bytes after the last chunk are no chunk", layout.trailer_len);
        let offset = layout.total_len - layout.trailer_len;
        return Err(MediaError::Malformed { what, offset }.into());
    }
    let lanes = Lanes::of(layout, plan)?;
    let mut cleared = Vec::new();
    let mut edits = Vec::new();
    for (chunk, edit) in describing_chunks(source, layout)? {
        cleared.push(String::from_utf8_lossy(&chunk.id).into_owned());
        edits.push(edit);
    }
    if let Some(pace) = Pace::of(layout) {
        let (mut scope, silent) = pace.silence(plan, layout);
        scope.metadata_cleared = cleared;
        return Ok(match lanes {
            Some(lanes) => Box::new(ChannelPatcher::new(scope, edits, silent, lanes)),
            None => Box::new(Patcher::new(scope, [edits, silent].concat())),
        });
    }
    let inner = match layout.encoding {
        Encoding::Mp3 => {
            let mut data = Section::new(source, layout.data_offset, layout.data_len);
            mp3::open(&mut data, &payload(layout, facts), plan)?
        }
        Encoding::G722 => Box::new(G722Rewrite::new(facts, plan, layout.sample_rate)),
        _ => blocks::open(layout, facts, plan)?,
    };
    Ok(Box::new(DataRewrite::new(layout, edits, cleared, inner)))
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
    let inner = match layout.encoding {
        Encoding::Mp3 => mp3::open_check(&payload(&layout, facts), plan),
        Encoding::G722 => Box::new(G722Check::new(facts, plan, layout.sample_rate)),
        _ => blocks::check(&layout, facts, plan)?,
    };
    Ok(Box::new(DataCheck::new(&layout, cleared, inner)))
}

/// The facts of the stream in `data`.
fn payload(layout: &WavLayout, facts: &Measured) -> Measured {
    let bytes = if facts.bytes == Measured::OPEN_END { facts.bytes } else { layout.data_len };
    Measured { bytes, ..facts.clone() }
}
