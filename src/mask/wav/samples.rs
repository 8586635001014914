//! Encodings whose bytes follow time evenly: PCM and G.711, frame by frame.

use crate::asset::Span;
use crate::mask::MaskPlan;
use crate::mask::certificate::{SampledSpan, Scope};
use crate::mask::patch::Edit;
use crate::media::WavLayout;

/// How bytes follow time, and which of them are silent.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// Bytes of one sample of every channel.
    frame_bytes: u64,
    silence: u8,
}

impl Pace {
    /// `None` for codecs in blocks or frames of their own.
    pub(super) fn of(layout: &WavLayout) -> Option<Self> {
        let frame_bytes = u64::from(layout.block_align);
        Some(Self { frame_bytes, silence: layout.encoding.silence()? })
    }

    /// What is to be silenced, for the certificate and as edits that do not overlap.
    pub(super) fn silence(&self, plan: &MaskPlan, layout: &WavLayout) -> (Scope, Vec<Edit>) {
        let sampled = |span: &Span| in_samples(*span, layout);
        let total = layout.data_len.div_ceil(self.frame_bytes);
        let mut scope = Scope {
            requested: plan.requested.iter().map(sampled).collect(),
            silenced: plan.silenced.iter().map(sampled).collect(),
            units_total: total,
            ..Scope::default()
        };
        let mut edits = Vec::new();
        let mut done = 0;
        for span in &scope.silenced {
            let (from, to) = span.from_sample.zip(span.to_sample).unwrap_or_default();
            // Rounded outward, two spans can share a frame.
            let (from, to) = (from.max(done), to.min(total));
            if from < to {
                edits.push(self.edit(from, to, layout));
                scope.units_silenced += to - from;
                done = to;
            }
        }
        (scope, edits)
    }

    /// The bytes that must be silent; frames are found by search among their times, not by division.
    pub(super) fn expected(&self, plan: &MaskPlan, layout: &WavLayout) -> Vec<Edit> {
        let total = layout.data_len.div_ceil(self.frame_bytes);
        let micros = |sample: u64| u128::from(sample) * 1_000_000;
        let rate = u128::from(layout.sample_rate);
        let bytes = |span: &Span| {
            let from = u128::from(span.from.as_micros()) * rate;
            let to = u128::from(span.to.as_micros()) * rate;
            let first = first_frame(total, |frame| micros(frame.saturating_add(1)) > from);
            let after = first_frame(total, |frame| micros(frame) >= to);
            self.edit(first, after, layout)
        };
        plan.silenced.iter().map(bytes).collect()
    }

    /// The bytes of the frames `[from, to)`. A cut-off last frame is silenced as far as it goes.
    fn edit(&self, from: u64, to: u64, layout: &WavLayout) -> Edit {
        let byte = |frame: u64| {
            frame.saturating_mul(self.frame_bytes).min(layout.data_len) + layout.data_offset
        };
        Edit { from: byte(from), to: byte(to), fill: [self.silence; 2] }
    }
}

/// First and last frame of a span, rounded outward and cut to the file.
fn in_samples(span: Span, layout: &WavLayout) -> SampledSpan {
    let scaled = |micros: u64| u128::from(micros) * u128::from(layout.sample_rate);
    let cut = |frame: u128| u64::try_from(frame).unwrap_or(u64::MAX).min(layout.frames);
    SampledSpan {
        span,
        from_sample: Some(cut(scaled(span.from.as_micros()) / 1_000_000)),
        to_sample: Some(cut(scaled(span.to.as_micros()).div_ceil(1_000_000))),
    }
}

/// The first of `total` frames for which `reached` holds, which from there on always holds.
fn first_frame(total: u64, reached: impl Fn(u64) -> bool) -> u64 {
    let (mut low, mut high) = (0, total);
    while low < high {
        let middle = low.midpoint(high);
        if reached(middle) { high = middle } else { low = middle + 1 }
    }
    low
}
