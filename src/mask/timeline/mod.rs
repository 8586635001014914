//! Where pauses of the wall clock lie in a media file: kept or cut out by the recorder (R11), and
//! moved by clocks that differ.

mod readings;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

use super::events::Pause;
use super::{MaskError, MaskWarning, QuarantineReason, WarningCode};
use crate::asset::{MediaTime, SourceTimeline, Span, SpanReason, Stretch};
use readings::{Reading, readings};

/// Where a file lies on the wall clock.
#[derive(Debug, Clone, Copy)]
pub struct Timeline {
    /// The instant of the first sample.
    pub start: Timestamp,
    /// The instant after the last sample, if the recorder told it.
    pub stop: Option<Timestamp>,
    /// Measured playing time.
    pub duration: MediaTime,
    /// Where on the file's own clock the first sample plays. If not at 0, masks count from both.
    pub first: MediaTime,
    /// What the recorder did while it was paused.
    pub source: SourceTimeline,
}

/// A stretch of the wall clock that must not be heard, whatever file holds it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WallSpan {
    /// First instant inside.
    pub from: Timestamp,
    /// First instant after.
    pub to: Timestamp,
}

/// What is known beside a file's own events: the other files of its recording, and the ledger of
/// its live interaction.
#[derive(Debug, Clone, Default)]
pub struct Companions {
    /// Their pauses, which silence this file too.
    pub pauses: Vec<WallSpan>,
    /// When they play: a pause there need not be in this file.
    pub ranges: Vec<WallSpan>,
    /// What the ledger silences or does not keep, as far as the file has it. Invariant: sorted.
    pub ledger: Vec<Stretch>,
    /// When the interaction ended, on the recorder's clock. The file may have ended earlier.
    pub ended: Option<Timestamp>,
}

/// Spans of a file.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// What was asked for.
    pub(super) requested: Vec<Span>,
    /// What else must be silent, because the clocks leave it open.
    pub(super) doubtful: Vec<Span>,
    /// From where on nothing is kept, up to the end of the file.
    pub(super) dropped: Option<MediaTime>,
}

/// A pause in offsets from the start, in microseconds; an open side has no number.
#[derive(Debug, Clone, Copy)]
struct Offsets {
    from: Option<i128>,
    to: Option<i128>,
    reason: SpanReason,
}

impl Timeline {
    /// Offsets of a stretch, rounded outward.
    fn offsets(&self, from: Option<Timestamp>, to: Option<Timestamp>) -> Offsets {
        let nanos = |at: Timestamp| at.as_nanosecond() - self.start.as_nanosecond();
        let reason = match (from, to) {
            (_, None) => SpanReason::PausedToEnd,
            (None, _) => SpanReason::ResumedFromStart,
            _ => SpanReason::Paused,
        };
        let from = from.map(|at| nanos(at).div_euclid(1000));
        let to = to.map(|at| (nanos(at) + 999).div_euclid(1000));
        Offsets { from, to, reason }
    }

    /// Offsets of what the ledger says.
    fn ruled(&self, stretch: &Stretch) -> Offsets {
        let offsets = self.offsets(Some(stretch.from), stretch.to);
        let reason = if stretch.dropped { SpanReason::NotRecorded } else { offsets.reason };
        Offsets { reason, ..offsets }
    }

    /// From the first to after the last sample, in microseconds.
    fn playing(&self) -> i128 {
        i128::from(self.duration.saturating_sub(self.first).as_micros())
    }

    /// The same by the wall clock.
    fn wall(&self) -> Option<i128> {
        let wall = (self.stop?.as_nanosecond() - self.start.as_nanosecond()).div_euclid(1000);
        (wall > 0).then_some(wall)
    }

    /// The part of `[from, to)` that the file has.
    fn within(&self, from: i128, to: i128, reason: SpanReason) -> Option<Span> {
        let to = time(to).min(self.duration);
        let span = Span { from: time(from), to, reason };
        (span.from < span.to).then_some(span)
    }
}

fn time(micros: i128) -> MediaTime {
    MediaTime::from_micros(u64::try_from(micros.max(0)).unwrap_or(u64::MAX))
}

/// Puts pauses on the media timeline. Of the companions' pauses only what lies within the file
/// counts.
pub(super) fn place(
    pauses: &[Pause],
    companions: &Companions,
    timeline: Timeline,
    warnings: &mut Vec<MaskWarning>,
) -> Result<Placed, MaskError> {
    let own: Vec<Offsets> =
        pauses.iter().map(|pause| timeline.offsets(pause.from, pause.to)).collect();
    let ledger: Vec<Offsets> =
        companions.ledger.iter().map(|stretch| timeline.ruled(stretch)).collect();
    // An obeying recorder tells its pauses, and the ledger has them too: they are gone once.
    let gone = joined(&own, &ledger);
    let readings = readings(&gone, timeline, companions.ended, warnings);
    let mut placed = Placed::default();
    for (pause, offsets) in pauses.iter().zip(&own) {
        let found = placed.add(*offsets, &gone, &readings, timeline);
        if !found && !companions.have(pause) {
            return Err(outside(pause, timeline));
        }
        let end = i128::from(timeline.duration.as_micros());
        let early = offsets.from.is_some_and(|from| from < 0);
        if found && (early || offsets.to.is_some_and(|to| to > end)) {
            let (from, to) = shown(pause);
            let text = format!("silence from {from} to {to} reaches beyond the file");
            warnings.push(MaskWarning { code: WarningCode::MaskClamped, text });
        }
    }
    for other in &companions.pauses {
        let offsets = timeline.offsets(Some(other.from), Some(other.to));
        placed.add(offsets, &gone, &readings, timeline);
    }
    for (stretch, offsets) in companions.ledger.iter().zip(ledger) {
        placed.add(offsets, &gone, &readings, timeline);
        if stretch.dropped && stretch.to.is_none() {
            placed.dropped = readings.first().and_then(|likeliest| {
                let (from, _) = likeliest.interval(offsets, &gone, timeline);
                (from < i128::from(timeline.duration.as_micros())).then(|| time(from))
            });
        }
    }
    Ok(placed)
}

/// Closed pauses of both kinds, joined where they overlap or touch; open ones as they are.
fn joined(own: &[Offsets], ledger: &[Offsets]) -> Vec<Offsets> {
    if ledger.is_empty() {
        return own.to_vec();
    }
    let mut all: Vec<Offsets> = own.iter().chain(ledger).copied().collect();
    all.sort_by_key(|one| one.from);
    let mut joined: Vec<Offsets> = Vec::with_capacity(all.len());
    for one in all {
        match joined.last_mut() {
            Some(last) if last.to.zip(one.from).is_some_and(|(to, from)| from <= to) => {
                last.to = one.to.map(|to| last.to.map_or(to, |before| before.max(to)));
            }
            _ => joined.push(one),
        }
    }
    joined
}

impl Placed {
    /// Adds one stretch in every reading; true when the file may have any of it. What the clocks
    /// leave open counts too: a stretch that by its time is just outside may be inside.
    fn add(
        &mut self,
        stretch: Offsets,
        own: &[Offsets],
        readings: &[Reading],
        timeline: Timeline,
    ) -> bool {
        let first = i128::from(timeline.first.as_micros());
        let mut any = false;
        for (index, reading) in readings.iter().enumerate() {
            let (from, to) = reading.interval(stretch, own, timeline);
            let span = timeline.within(from, to, stretch.reason);
            any |= span.is_some();
            if index == 0 {
                self.requested.extend(span);
            } else {
                self.doubtful.extend(span);
            }
            let (early, late) = reading.slack;
            for shift in [0, first] {
                let (from, to) = (from + early + shift, to + late + shift);
                let wide = timeline.within(from, to, stretch.reason);
                any |= wide.is_some();
                self.doubtful.extend(wide);
            }
        }
        any
    }
}

impl Companions {
    /// Whether one of them plays during a pause.
    fn have(&self, pause: &Pause) -> bool {
        let plays = |range: &WallSpan| {
            pause.from.is_none_or(|from| from < range.to)
                && pause.to.is_none_or(|to| range.from < to)
        };
        self.ranges.iter().any(plays)
    }
}

fn shown(pause: &Pause) -> (String, String) {
    let shown = |at: Option<Timestamp>, open: &str| at.map_or(open.to_owned(), |at| at.to_string());
    (shown(pause.from, "the start"), shown(pause.to, "the end"))
}

fn outside(pause: &Pause, timeline: Timeline) -> MaskError {
    let (from, to) = shown(pause);
    let Timeline { start, duration, .. } = timeline;
    let detail =
        format!("silence from {from} to {to}; the file begins at {start} and lasts {duration}");
    MaskError::quarantine(QuarantineReason::MaskOutsideMedia, detail)
}
