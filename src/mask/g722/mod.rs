//! G.722 at 64 kbit/s: a byte is two samples, one code for each half of the band.
//!
//! Codes are differences to what the decoder predicts, so no constant byte is silent after every
//! past. The decoder's state is followed through the kept bytes, and a silent byte is the one that
//! it plays most quietly: what an encoder would send for zeros. It holds nothing of what it replaces.

mod band;
mod decoder;

use super::certificate::Scope;
use super::silence::Rewrite;
use super::ticks::{Chooser, TickSpans};
use super::unit::Reach;
use super::{MaskError, MaskPlan, Recheck};
use crate::media::Measured;
use decoder::Decoder;

/// Samples in one byte.
const SAMPLES_PER_BYTE: u64 = 2;
/// What came before has died away after 240 samples, but for a few LSB. The decoder's
/// filter spans 24 samples, which are coded after the masked past: 12 bytes.
const REACH: Reach = Reach { before: 0, after: 240, units_after: 12 };

/// Which bytes are silenced, in order.
struct Walk {
    chooser: Chooser,
    decoder: Decoder,
    next: u64,
}

impl Walk {
    fn new(facts: &Measured, plan: &MaskPlan, rate: u32) -> Self {
        let chooser = Chooser::new(TickSpans::new(plan, facts, rate, 0), REACH);
        Self { chooser, decoder: Decoder::default(), next: 0 }
    }

    /// What must stand for the next byte of the source, and whether it is silenced.
    fn step(&mut self, byte: u8) -> (u8, bool) {
        let to = self.next.saturating_add(SAMPLES_PER_BYTE);
        let silenced = self.chooser.choose(self.next, to);
        self.next = to;
        let byte = if silenced { self.decoder.quietest() } else { byte };
        self.decoder.advance(byte);
        (byte, silenced)
    }
}

/// Silences a stream of G.722 bytes.
pub(super) struct G722Rewrite {
    walk: Walk,
    scope: Scope,
}

impl G722Rewrite {
    /// For a stream of `rate` samples a second.
    pub(super) fn new(facts: &Measured, plan: &MaskPlan, rate: u32) -> Self {
        Self { walk: Walk::new(facts, plan, rate), scope: Scope::default() }
    }
}

impl Rewrite for G722Rewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        for byte in input {
            let (byte, silenced) = self.walk.step(*byte);
            self.scope.units_silenced += u64::from(silenced);
            out.push(byte);
        }
        self.scope.units_total += input.len() as u64;
        Ok(())
    }

    fn finish(&mut self, _out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        Ok(std::mem::take(&mut self.scope))
    }
}

/// The check: follows a decoder through the result.
pub(super) struct G722Check {
    walk: Walk,
    position: u64,
}

impl G722Check {
    /// For a stream of `rate` samples a second.
    pub(super) fn new(facts: &Measured, plan: &MaskPlan, rate: u32) -> Self {
        Self { walk: Walk::new(facts, plan, rate), position: 0 }
    }
}

impl Recheck for G722Check {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let (expected, found) = (source.len() as u64, masked.len() as u64);
        if expected != found {
            return Err(MaskError::Length { expected, found });
        }
        for (source, masked) in source.iter().zip(masked) {
            if self.walk.step(*source).0 != *masked {
                return Err(MaskError::Recheck { offset: self.position });
            }
            self.position += 1;
        }
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        Ok(())
    }
}
