//! Silence in Ogg: packets are silenced inside their pages, whatever codec a stream carries.
//!
//! Nothing moves: every page keeps its length, its number of lacing values, and its granule
//! position. Inside a page, masked packets that follow each other share their bytes evenly. The
//! codec of each stream is told from its first packet (`codec.rs`); one that cannot be silenced
//! holds the whole file back.

mod check;
mod clock;
mod codec;
mod demux;
mod queue;
mod rewrite;
mod stream;
#[cfg(test)]
mod tests;

pub(super) use codec::{Codec, STREAMINFO_AT, recognise};

use super::silence::Rewrite;
use super::{MaskPlan, Recheck};
use crate::media::Measured;

/// The rewriter for a plan that is not empty. It needs no look at the file ahead.
pub(super) fn open(facts: &Measured, plan: &MaskPlan) -> Box<dyn Rewrite> {
    Box::new(rewrite::OggRewrite::new(plan, facts))
}

/// The check of its result.
pub(super) fn open_check(facts: &Measured, plan: &MaskPlan) -> Box<dyn Recheck> {
    Box::new(check::OggCheck::new(plan, facts))
}
