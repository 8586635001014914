//! The decoder beside the stream: what it knows, and what it hears instead of the masked bytes.

use super::quiet::Quiet;
use crate::mask::MaskPlan;
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::unit::Reach;
use crate::media::Measured;
use crate::media::g722::{Band, Half};

/// Samples in one byte.
const SAMPLES_PER_BYTE: u64 = 2;
/// What came before has died away after 240 samples, to 2 LSB at most. It cannot sooner after loud
/// speech: no code makes the step fall faster. The decoder's filter spans 24 samples, which are coded
/// after the masked past: 12 bytes.
const REACH: Reach = Reach { before: 0, after: 240, units_after: 12 };

/// What a decoder at 64 kbit/s knows of one half of the band, and what silences it.
pub(super) struct Side {
    half: Half,
    pub(super) band: Band,
    quiet: Quiet,
}

impl Side {
    pub(super) const fn new(half: Half) -> Self {
        Self { half, band: half.start(), quiet: Quiet::new(half) }
    }

    /// Takes the next code, or a silent one instead; returns it.
    pub(super) fn step(&mut self, code: u8, silenced: bool) -> u8 {
        let code = if silenced {
            self.quiet.next(&self.band)
        } else {
            self.quiet.stop();
            code
        };
        self.half.advance(&mut self.band, code);
        code
    }
}

/// Which bytes are silenced, in order.
pub(super) struct Walk {
    chooser: Chooser,
    low: Side,
    high: Side,
    next: u64,
}

impl Walk {
    pub(super) fn new(facts: &Measured, plan: &MaskPlan, rate: u32) -> Self {
        let chooser = Chooser::new(TickSpans::new(plan, facts, rate, 0), REACH);
        Self { chooser, low: Side::new(Half::Low), high: Side::new(Half::High), next: 0 }
    }

    /// What must stand for the next byte of the source, and whether it is silenced.
    pub(super) fn step(&mut self, byte: u8) -> (u8, bool) {
        let to = self.next.saturating_add(SAMPLES_PER_BYTE);
        let silenced = self.chooser.choose(self.next, to);
        self.next = to;
        let low = self.low.step(byte & 0x3F, silenced);
        let high = self.high.step(byte >> 6, silenced);
        (high << 6 | low, silenced)
    }
}
