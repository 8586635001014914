//! Silence in Matroska and WebM, in one pass and without an index.
//!
//! Frames of sound become silent frames of the same size. Blocks of pictures and texts become
//! `Void`, and so does what points at them or may show them. Sizes of frames stay as they are.

mod check;
mod checksum;
mod clock;
mod edit;
mod guide;
mod pcm;
mod pictures;
mod rewrite;
mod sound;
mod sound_check;
#[cfg(test)]
mod tests;
mod timed;

use super::silence::Rewrite;
use super::{MaskPlan, Recheck};
use crate::media::Measured;

/// The rewriter for a plan that is not empty. It reads everything as it streams through.
pub(super) fn open(facts: &Measured, plan: &MaskPlan) -> Box<dyn Rewrite> {
    Box::new(rewrite::MatroskaRewrite::new(facts, plan))
}

/// The check of such a rewrite.
pub(super) fn open_check(facts: &Measured, plan: &MaskPlan) -> Box<dyn Recheck> {
    Box::new(check::MatroskaCheck::new(facts, plan))
}
