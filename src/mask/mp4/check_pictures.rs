//! The check of pictures: which are gone, and what the others are.

use std::ops::Range;

use super::MAX_EARLY;
use super::check::same;
use super::sound::extend;
use super::video::Sight;
use crate::mask::MaskError;
use crate::mask::key_picture::PictureKind;
use crate::mask::ticks::TickSpans;
use crate::media::ReadSeek;
use crate::media::mp4::{Cursor, Sample, SampleTable, TrackIndex};

/// The judge of pictures.
pub(super) struct PictureJudge {
    /// Pictures that must be gone. Invariant: sorted.
    required: Vec<Range<u32>>,
    /// Those of them that do not merely lead into the picture behind a gap. Invariant: sorted.
    gaps: Vec<Range<u32>>,
    /// Pictures that are gone. Invariant: sorted.
    gone: Vec<Range<u32>>,
    kind: PictureKind,
    /// Number of the next picture. Empty ones are not judged.
    next: u32,
    /// The last picture was in a gap.
    in_gap: bool,
    /// When the last picture behind a gap plays.
    resumed: i128,
}

impl PictureJudge {
    /// What must be gone: pictures in a span, those after one until decoding can begin again behind
    /// it, and those that play before the picture at which it does.
    pub(super) fn new(
        source: &mut dyn ReadSeek,
        track: &TrackIndex,
        spans: &TickSpans,
    ) -> Result<Self, MaskError> {
        let kind = PictureKind::of(track);
        let mut sight = Sight::new(track);
        let (mut required, mut gaps) = (Vec::new(), Vec::new());
        let (mut broken, mut until, mut first) = (false, i128::MIN, i128::MIN);
        let mut cursor = Cursor::default();
        while let Some(picture) = cursor.next(&track.table) {
            let pts = picture.pts();
            if let Some(end) = sight.end_of_span(source, &picture, spans)? {
                until = if broken { until.max(end) } else { end };
                broken = true;
            } else if broken && picture.sync && pts >= until && kind.begins_at(source, &picture)? {
                broken = false;
                first = pts;
            }
            if broken {
                extend(&mut gaps, picture.number);
            }
            if broken || pts < first {
                extend(&mut required, picture.number);
            }
        }
        let (gone, next, in_gap, resumed) = (Vec::new(), 0, false, i128::MIN);
        Ok(Self { required, gaps, gone, kind, next, in_gap, resumed })
    }

    /// Whether any picture must be gone.
    pub(super) const fn drops(&self) -> bool {
        !self.required.is_empty()
    }

    /// Judges a picture that is not empty.
    pub(super) fn judge(
        &mut self,
        sample: &Sample,
        source: &[u8],
        masked: &[u8],
    ) -> Result<(), MaskError> {
        self.pass_empty(sample.number);
        self.next = sample.number.saturating_add(1);
        let zero = masked.iter().all(|byte| *byte == 0);
        if contain(&self.required, sample.number) || (zero && source != masked) {
            let begins = contain(&self.gaps, sample.number) || sample.pts() >= self.resumed;
            self.in_gap |= begins;
            extend(&mut self.gone, sample.number);
            let wrong = (sample.offset..).zip(masked).find(|(_, byte)| **byte != 0);
            return wrong.map_or(Ok(()), |(offset, _)| Err(MaskError::Recheck { offset }));
        }
        if !std::mem::take(&mut self.in_gap) {
            return same(source, masked, sample.offset);
        }
        self.resumed = sample.pts();
        let mut expected = source.to_vec();
        for (at, head) in self.kind.broken_links(source) {
            expected.get_mut(at..=at).unwrap_or_default().fill(head);
        }
        same(&expected, masked, sample.offset)
    }

    /// Empty pictures before `number` are gone when they must be.
    fn pass_empty(&mut self, number: u32) {
        for empty in self.next..number {
            if contain(&self.required, empty) {
                self.in_gap |= contain(&self.gaps, empty);
                extend(&mut self.gone, empty);
            }
        }
    }

    /// What is gone. `None` when that is not what must be: gaps may begin early and end at a later
    /// sync sample where the index had no room, and what leads into such a sample is gone too.
    pub(super) fn finish(mut self, table: &SampleTable) -> Option<Vec<Range<u32>>> {
        self.pass_empty(table.count());
        let sync = |number: u32| {
            let list = table.sync.as_ref();
            list.is_none_or(|list| list.binary_search(&number).is_ok()) || number >= table.count()
        };
        let mut last_end = None;
        let holds = self.gone.iter().all(|run| {
            let first = self.required.partition_point(|needed| needed.end <= run.start);
            let needed = self.required.get(first).filter(|needed| {
                needed.start < run.end && needed.start.saturating_sub(run.start) <= MAX_EARLY
            });
            let leads = last_end.is_some() && run.start.checked_sub(1) == last_end;
            last_end = Some(run.end);
            let ends = sync(run.end) || self.required.iter().any(|needed| needed.end == run.end);
            leads || (needed.is_some() && ends)
        });
        holds.then_some(self.gone)
    }
}

/// Whether a number lies in sorted runs.
fn contain(runs: &[Range<u32>], number: u32) -> bool {
    let place = runs.partition_point(|run| run.end <= number);
    runs.get(place).is_some_and(|run| run.start <= number)
}
