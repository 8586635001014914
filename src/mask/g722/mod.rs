//! G.722 at 64 kbit/s: a byte is two samples, one code for each half of the band.
//!
//! Codes are differences to what the decoder predicts, so no constant byte is silent after every
//! past. The decoder's state is followed through the kept bytes, and the silent bytes are those that
//! bring it to rest (`quiet.rs`). They hold nothing of what they replace.

mod quiet;
#[cfg(test)]
mod tests;
mod walk;

use super::certificate::Scope;
use super::silence::Rewrite;
use super::{MaskError, MaskPlan, Recheck};
use crate::media::Measured;
use walk::Walk;

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
