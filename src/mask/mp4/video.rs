//! Which pictures are taken out.

use std::ops::Range;

use super::sound::extend;
use crate::mask::ticks::TickSpans;
use crate::media::MediaError;
use crate::media::mp4::{Cursor, Sample, SampleTable};

/// Pictures that go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Dropped {
    /// From the first picture in a span to the first sync sample after it. Invariant: sorted.
    pub(super) gaps: Vec<Range<u32>>,
    /// Pictures that follow such a sync sample but play before it, and were coded with the help of
    /// pictures in the gap. Invariant: sorted.
    pub(super) leading: Vec<Range<u32>>,
    /// A gap reaches the last picture, though its span ends before it.
    pub(super) to_end: bool,
}

impl Dropped {
    /// Decides, in decoding order, which pictures of `table` go for `spans`. A gap ends only at a
    /// sync sample that `resumes`.
    ///
    /// # Errors
    /// Those of `resumes`.
    pub(super) fn new(
        table: &SampleTable,
        spans: &TickSpans,
        mut resumes: impl FnMut(&Sample) -> Result<bool, MediaError>,
    ) -> Result<Self, MediaError> {
        let mut dropped = Self::default();
        // Where the span of the gap ends; outside a gap, the time of the sync sample after it.
        let mut gap = None;
        let mut resumed = i128::MIN;
        let mut cursor = Cursor::default();
        while let Some(picture) = cursor.next(table) {
            let pts = picture.pts();
            let end = spans.end_around(pts);
            gap = match (gap, end) {
                (Some(until), Some(end)) => Some(end.max(until)),
                (Some(until), None) if picture.sync && pts >= until && resumes(&picture)? => {
                    resumed = pts;
                    None
                }
                (gap, end) => gap.or(end),
            };
            if gap.is_some() {
                extend(&mut dropped.gaps, picture.number);
            } else if pts < resumed {
                extend(&mut dropped.leading, picture.number);
            }
        }
        dropped.to_end = gap.is_some_and(|until| until < i128::MAX);
        Ok(dropped)
    }

    /// All pictures that go when each gap begins `early` pictures before it must.
    pub(super) fn runs(&self, early: u32) -> Vec<Range<u32>> {
        let gaps = self.gaps.iter().map(|gap| gap.start.saturating_sub(early)..gap.end);
        let mut all: Vec<Range<u32>> = gaps.chain(self.leading.iter().cloned()).collect();
        all.sort_by_key(|run| run.start);
        let mut runs: Vec<Range<u32>> = Vec::with_capacity(all.len());
        for run in all {
            match runs.last_mut() {
                Some(last) if run.start <= last.end => last.end = last.end.max(run.end),
                _ => runs.push(run),
            }
        }
        runs
    }
}

/// Goes through numbers in order and tells which lie in runs.
#[derive(Debug, Clone)]
pub(super) struct InRuns<'a> {
    runs: &'a [Range<u32>],
}

impl<'a> InRuns<'a> {
    pub(super) const fn new(runs: &'a [Range<u32>]) -> Self {
        Self { runs }
    }

    /// Whether `number`, not lower than the ones asked before, lies in a run.
    pub(super) fn contains(&mut self, number: u32) -> bool {
        while let Some((first, rest)) = self.runs.split_first() {
            if number < first.end {
                return first.start <= number;
            }
            self.runs = rest;
        }
        false
    }
}
