//! Which pictures are taken out.

use std::ops::Range;

use super::rebuild::read_picture;
use super::sound::extend;
use crate::mask::hidden::LookAhead;
use crate::mask::key_picture::PictureKind;
use crate::mask::ticks::TickSpans;
use crate::media::mp4::{Cursor, Sample, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// When the frames of each picture are shown: one may be hidden in it until later.
pub(super) struct Sight {
    look_ahead: LookAhead,
    /// Composition time of the picture before.
    last: Option<i128>,
    /// Longest distance between pictures so far, in media ticks.
    step: i128,
    /// Longest distance that is believed: a second.
    longest: i128,
}

impl Sight {
    pub(super) fn new(track: &TrackIndex) -> Self {
        let mut kinds = track.entries.iter().map(|entry| look_ahead(entry.kind));
        let first = kinds.next().unwrap_or(LookAhead::Unknown);
        let alike = kinds.all(|kind| kind == first);
        let look_ahead = if alike { first } else { LookAhead::Unknown };
        Self { look_ahead, last: None, step: 0, longest: i128::from(track.timescale) }
    }

    /// The end of the last span in which `picture`, or a frame that may be hidden in it, is shown.
    /// To be called for every picture, in order.
    ///
    /// # Errors
    /// When the source cannot be read, and a limit on the picture's size.
    pub(super) fn end_of_span(
        &mut self,
        source: &mut dyn ReadSeek,
        picture: &Sample,
        spans: &TickSpans,
    ) -> Result<Option<i128>, MediaError> {
        let pts = picture.pts();
        let since = self.last.map_or(0, |last| pts.saturating_sub(last).saturating_abs());
        self.last = Some(pts);
        self.step = self.step.max(since).max(picture.duration.into()).min(self.longest);
        let step = if self.step == 0 { self.longest } else { self.step };
        let shown_by = |frames: u32| pts.saturating_add(i128::from(frames).saturating_mul(step));
        let end = spans.end_within(pts, pts);
        if picture.len == 0 || spans.end_within(pts, shown_by(self.look_ahead.most())) == end {
            return Ok(end);
        }
        let frames = self.look_ahead.frames(&read_picture(source, picture)?);
        Ok(spans.end_within(pts, shown_by(frames)))
    }
}

/// How far the pictures of a sample entry look ahead.
fn look_ahead(entry: [u8; 4]) -> LookAhead {
    match &entry {
        b"vp08" => LookAhead::Vp8,
        b"vp09" => LookAhead::Vp9,
        b"av01" => LookAhead::Av1,
        _ => LookAhead::Never,
    }
}

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
    /// Decides, in decoding order, which pictures of `track` go for `spans`. A gap ends at a sync
    /// sample that is none of `passed_over`.
    ///
    /// # Errors
    /// As [`Sight::end_of_span`].
    pub(super) fn new(
        source: &mut dyn ReadSeek,
        track: &TrackIndex,
        spans: &TickSpans,
        passed_over: &[u32],
    ) -> Result<Self, MediaError> {
        let kind = PictureKind::of(track);
        let mut sight = Sight::new(track);
        let mut dropped = Self::default();
        // Where the span of the gap ends; outside a gap, the time of the sync sample after it.
        let mut gap = None;
        let mut resumed = i128::MIN;
        let mut cursor = Cursor::default();
        while let Some(picture) = cursor.next(&track.table) {
            let pts = picture.pts();
            let end = sight.end_of_span(source, &picture, spans)?;
            gap = match (gap, end) {
                (Some(until), Some(end)) => Some(end.max(until)),
                (Some(until), None)
                    if picture.sync
                        && pts >= until
                        && !passed_over.contains(&picture.number)
                        && kind.begins_at(source, &picture)? =>
                {
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
