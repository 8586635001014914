//! GSM 06.10, alone in a file (33-byte frames) and in WAVE (two frames packed into 65 bytes).
//!
//! A decoder goes on from the frame before, so one frame before a mask is silenced for its tail,
//! and one after it because it is coded relative to the masked past.

use super::constant::ConstantUnit;
use super::framed::{FramedCheck, FramedRewrite};
use super::silence::Rewrite;
use super::ticks::TickSpans;
use super::track::CodedTrack;
use super::unit::Reach;
use super::{MaskPlan, Recheck};
use crate::media::{GSM_FRAME_BYTES, GSM_FRAME_SAMPLES, GSM_RATE, GsmFramer, Measured};

const REACH: Reach = Reach { before: 0, after: GSM_FRAME_SAMPLES, units_after: 1 };

/// A frame that decodes to a constant of 24 LSB.
const SILENT_FRAME: [u8; GSM_FRAME_BYTES] = [
    0xD8, 0x20, 0xA2, 0xE1, 0x5A, // signature and filter
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, // four sub-frames
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, //
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, //
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24,
];

/// The same parameters twice, packed as Microsoft does, least significant bit first.
const SILENT_BLOCK: [u8; 65] = [
    0x20, 0x48, 0x17, 0xD6, 0x84, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49,
    0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24,
    0x09, 0x82, 0x74, 0x61, 0x4D, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92,
    0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49,
    0x92,
];

/// A frame of a file without a container.
fn frame() -> ConstantUnit {
    let (samples, silent) = (GSM_FRAME_SAMPLES, SILENT_FRAME.to_vec());
    ConstantUnit { rate: GSM_RATE, samples, reach: REACH, silent }
}

/// A block of WAVE.
pub(super) fn block(rate: u32) -> ConstantUnit {
    let (samples, silent) = (2 * GSM_FRAME_SAMPLES, SILENT_BLOCK.to_vec());
    ConstantUnit { rate, samples, reach: REACH, silent }
}

/// The rewriter for a file without a container.
pub(super) fn open(facts: &Measured, plan: &MaskPlan) -> Box<dyn Rewrite> {
    let spans = TickSpans::new(plan, facts, GSM_RATE, 0);
    let track = CodedTrack::new(Box::new(frame()), spans);
    Box::new(FramedRewrite::new(GsmFramer, Box::new(track)))
}

/// The check for it.
pub(super) fn check(facts: &Measured, plan: &MaskPlan) -> Box<dyn Recheck> {
    let spans = TickSpans::new(plan, facts, GSM_RATE, 0);
    Box::new(FramedCheck::new((GsmFramer, GsmFramer), Box::new(frame()), spans))
}
