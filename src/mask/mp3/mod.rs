//! MPEG audio layer III, in files of its own and in containers.
//!
//! A granule is silent when its side information is zero: it then has no main data, and its bits
//! in the reservoir are cleared. Frames keep their sizes and their places, and what is kept keeps
//! its bits; only a second granule whose first is silent moves to where that one was.

mod check;
mod file_check;
mod level;
mod metadata;
mod reservoir;
mod rewrite;
mod side_fields;
#[cfg(test)]
mod tests;
mod track;

use super::silence::Rewrite;
use super::ticks::TickSpans;
use super::track::Track;
use super::unit::Reach;
use super::{MaskError, MaskPlan, Recheck};
use crate::media::mp3::{FrameHeader, InfoFrame};
use crate::media::{Measured, ReadSeek};

pub(super) use check::FrameCheck;

/// How far a granule is heard beyond the 576 samples of its place: overlap of the IMDCT 576, delay
/// of the synthesis filter 480.
pub(super) const REACH: Reach = Reach { before: 0, after: 1056, units_after: 0 };
/// [`REACH`] where it is not known whether a player skips the delay of encoder and decoder.
pub(super) const REACH_ANY_DELAY: Reach = Reach { before: LAME_DELAY, ..REACH };
/// Samples before the sound in what LAME writes: encoder 576, decoder 529.
const LAME_DELAY: u64 = 576 + DECODER_DELAY;
const DECODER_DELAY: u64 = 529;
/// Most samples after the sound that a LAME tag can state.
const MAX_END_PADDING: u64 = 4095;

/// The track for the frames of a stream, of which each [`Track::push`] takes one with all its
/// bytes. Ticks are samples as a decoder that skips nothing puts them out, the first frame's first
/// sample being 0. A leading Xing, Info or VBRI frame plays nothing unless its time is given.
///
/// `reach` is [`REACH`] when the origin of `spans` is certain, else [`REACH_ANY_DELAY`].
pub(super) fn track(spans: TickSpans, reach: Reach) -> Box<dyn Track> {
    Box::new(track::Mp3Track::new(spans, reach))
}

/// The rewriter for an MP3 file. Of a file that can be read from any place, the CRC that its LAME
/// tag states is computed first.
pub(super) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    rewrite::open(source, facts, plan)
}

/// The check for an MP3 file.
pub(super) fn open_check(facts: &Measured, plan: &MaskPlan) -> Box<dyn Recheck> {
    Box::new(file_check::FileCheck::new(facts, plan))
}

/// The spans on the clock of a raw file that begins with the given frame.
fn clock(facts: &Measured, plan: &MaskPlan, first: &[u8]) -> (TickSpans, Reach) {
    let header = FrameHeader::read(first);
    let rate = header.map_or(1, FrameHeader::sample_rate);
    let info = header.and_then(|header| InfoFrame::read(header, first));
    match info.and_then(|info| info.encoder_delay) {
        Some(delay) => {
            let skipped = i64::from(delay).saturating_add(DECODER_DELAY.cast_signed());
            (TickSpans::new(plan, facts, rate, skipped), REACH)
        }
        None => (TickSpans::new(plan, facts, rate, 0), REACH_ANY_DELAY),
    }
}

/// The reach after a Xing, Info or VBRI frame.
///
/// After the first frame of a stream, it is not known whether that one is played when the delay is
/// not known. Further ones begin a second file: some players leave out the end of what was before,
/// and what was recorded after does not include the second file's index and delay.
const fn reach_after_info(reach: Reach, header: FrameHeader, first: bool) -> Reach {
    let frame = track::GRANULE * header.granules() as u64;
    match (first, reach.before) {
        (true, 0) => reach,
        (true, _) => Reach { after: reach.after.saturating_add(frame), ..reach },
        (false, before) => {
            let joined = frame + LAME_DELAY + MAX_END_PADDING;
            Reach { before: before.saturating_add(joined), ..reach }
        }
    }
}
