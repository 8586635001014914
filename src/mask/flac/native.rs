//! Native FLAC files: frames one after the other, behind metadata that tells of the sound.

use super::frames::FlacCoding;
use crate::mask::certificate::Scope;
use crate::mask::framed::{FramedCheck, FramedRewrite};
use crate::mask::patch::{Edit, Patcher};
use crate::mask::silence::Rewrite;
use crate::mask::ticks::TickSpans;
use crate::mask::track::CodedTrack;
use crate::mask::{MaskError, MaskPlan, Recheck};
use crate::media::{FlacFramer, FlacLayout, Measured, ReadSeek, STREAMINFO_MD5};

/// The rewriter for a plan that is not empty.
pub(in crate::mask) fn open(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Rewrite>, MaskError> {
    let layout = FlacLayout::read(source, facts.bytes)?;
    let spans = TickSpans::new(plan, facts, layout.info.rate, 0);
    let metadata = metadata(&layout);
    let framer = FlacFramer::new(&layout);
    let track = Box::new(CodedTrack::new(Box::new(frames(layout)), spans));
    let frames = FramedRewrite::new(framer, track);
    Ok(Box::new(NativeRewrite { metadata, frames, patched: Vec::new() }))
}

/// The check of its result.
pub(in crate::mask) fn check(
    source: &mut dyn ReadSeek,
    facts: &Measured,
    plan: &MaskPlan,
) -> Result<Box<dyn Recheck>, MaskError> {
    let layout = FlacLayout::read(source, facts.bytes)?;
    let spans = TickSpans::new(plan, facts, layout.info.rate, 0);
    let metadata = metadata(&layout);
    let framers = (FlacFramer::new(&layout), FlacFramer::new(&layout));
    let frames = FramedCheck::new(framers, Box::new(frames(layout)), spans);
    Ok(Box::new(NativeCheck { metadata, frames, patched: Vec::new() }))
}

fn frames(layout: FlacLayout) -> FlacCoding {
    FlacCoding { info: layout.info, seek_samples: layout.seek_samples }
}

/// Clears the MD5 of what is no longer there (zero stands for not known), and blanks loudness.
fn metadata(layout: &FlacLayout) -> Patcher {
    let at = |offset: usize| layout.info_at.saturating_add(offset as u64);
    let md5 = Edit { from: at(STREAMINFO_MD5.start), to: at(STREAMINFO_MD5.end), fill: [0; 2] };
    let blank = layout.gains.iter().map(|value| {
        let fill = [b' '; 2];
        Edit { from: value.start, to: value.end, fill }
    });
    let mut cleared = vec!["STREAMINFO".to_owned()];
    cleared.extend(layout.gains.first().map(|_| "VORBIS_COMMENT".to_owned()));
    let scope = Scope { metadata_cleared: cleared, ..Scope::default() };
    Patcher::new(scope, std::iter::once(md5).chain(blank).collect())
}

struct NativeRewrite {
    metadata: Patcher,
    frames: FramedRewrite<FlacFramer>,
    patched: Vec<u8>,
}

impl Rewrite for NativeRewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.patched.clear();
        self.metadata.push(input, &mut self.patched)?;
        self.frames.push(&self.patched, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        let metadata_cleared = self.metadata.finish(out)?.metadata_cleared;
        Ok(Scope { metadata_cleared, ..self.frames.finish(out)? })
    }
}

/// The source with its metadata cleared must be the result but for silent frames.
struct NativeCheck {
    metadata: Patcher,
    frames: FramedCheck<FlacFramer>,
    patched: Vec<u8>,
}

impl Recheck for NativeCheck {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        self.patched.clear();
        self.metadata.push(source, &mut self.patched)?;
        self.frames.push(&self.patched, masked)
    }

    fn finish(self: Box<Self>) -> Result<(), MaskError> {
        Box::new(self.frames).finish()
    }
}
