//! Codecs whose blocks are equally long: ADPCM and GSM.

use crate::mask::constant::ConstantUnit;
use crate::mask::framed::{FramedCheck, FramedRewrite};
use crate::mask::silence::{Rewrite, unsupported};
use crate::mask::ticks::TickSpans;
use crate::mask::track::CodedTrack;
use crate::mask::unit::Coding;
use crate::mask::{MaskError, MaskPlan, Recheck, adpcm, gsm};
use crate::media::{Cut, Encoding, Framer, Measured, MediaError, WavLayout};

/// The rewriter for `data` alone.
///
/// # Errors
/// Quarantine for a codec that has no such blocks.
pub(super) fn open(
    layout: &WavLayout,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let unit = block_unit(layout).ok_or_else(|| unsupported(facts))?;
    let spans = TickSpans::new(plan, facts, unit.rate(), 0);
    let track = CodedTrack::new(Box::new(unit), spans);
    Ok(Box::new(FramedRewrite::new(BlockFramer::new(layout.block_align), Box::new(track))))
}

/// The check for `data` alone.
///
/// # Errors
/// As [`open`].
pub(super) fn check(
    layout: &WavLayout,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let unit = block_unit(layout).ok_or_else(|| unsupported(facts))?;
    let spans = TickSpans::new(plan, facts, unit.rate(), 0);
    let framer = || BlockFramer::new(layout.block_align);
    Ok(Box::new(FramedCheck::new((framer(), framer()), Box::new(unit), spans)))
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

/// Cuts `data` into blocks of one size. The last may be cut off.
#[derive(Debug, Clone, Copy)]
struct BlockFramer {
    /// Invariant: not 0.
    block_bytes: usize,
}

impl BlockFramer {
    fn new(block_align: u16) -> Self {
        Self { block_bytes: usize::from(block_align.max(1)) }
    }
}

impl Framer for BlockFramer {
    fn cut(&mut self, window: &[u8], _at: u64, last: bool) -> Result<Cut, MediaError> {
        if window.len() < self.block_bytes && !last {
            return Ok(Cut::More(self.block_bytes));
        }
        Ok(Cut::Unit(window.len().min(self.block_bytes)))
    }
}
