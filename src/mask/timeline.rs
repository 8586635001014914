//! Where pauses of the wall clock lie in a media file: kept or cut out by the recorder (R11), and
//! moved by clocks that differ.

use jiff::Timestamp;

use super::events::Pause;
use super::{MaskError, MaskWarning, QuarantineReason, WarningCode};
use crate::asset::{MediaTime, SourceTimeline, Span, SpanReason, Stretch};

/// A difference of clocks up to this, in microseconds, and up to [`DRIFT_SHARE`] of the duration
/// widens masks; beyond that the stop time says nothing.
const MAX_DRIFT_MICROS: i128 = 2_000_000;
/// As a fraction: one in so many.
const DRIFT_SHARE: i128 = 50;
/// R16: differences that are wrong time zones, in microseconds.
const ZONE_STEP_MICROS: i128 = 15 * 60 * 1_000_000;
const ZONE_SLACK_MICROS: i128 = 2_000_000;

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

/// One understanding of the pauses, with what the clocks leave open around each place.
#[derive(Debug, Clone, Copy)]
struct Reading {
    /// The file stopped during pauses.
    cut: bool,
    /// Microseconds that the true place may be earlier (negative) or later.
    slack: (i128, i128),
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
    /// Adds one stretch in every reading; true when the file has any of it.
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
            let wide = timeline.within(from + early, to + late + first, stretch.reason);
            self.doubtful.extend(wide.filter(|_| span.is_some()));
        }
        any
    }
}

impl Reading {
    /// Where a stretch lies in the file, in microseconds. In a file that was stopped, a pause of
    /// its own is the point where it went on; an open one stays a span, for there nothing tells
    /// when the file began or stopped.
    fn interval(self, stretch: Offsets, own: &[Offsets], timeline: Timeline) -> (i128, i128) {
        let end = i128::from(timeline.duration.as_micros());
        let place = |at: i128| if self.cut { at - gone_before(at, own) } else { at };
        let from = stretch.from.map_or(0, place);
        let to = match (stretch.from, stretch.to) {
            (None, Some(to)) => to,
            (_, None) => end,
            // No length becomes the shortest one.
            (_, Some(to)) => place(to).max(from + 1),
        };
        if self.cut && from >= end && from <= end + allowance(timeline) {
            // The file ended with the pause.
            return (end - 1, end);
        }
        (from, to)
    }
}

/// How much of the pauses lies before an offset.
fn gone_before(at: i128, own: &[Offsets]) -> i128 {
    let gone = own.iter().filter_map(|pause| {
        let from = pause.from.unwrap_or(0).max(0);
        Some((pause.to?.min(at) - from).max(0))
    });
    gone.sum()
}

fn allowance(timeline: Timeline) -> i128 {
    MAX_DRIFT_MICROS + timeline.playing() / DRIFT_SHARE
}

/// What the pauses can mean, the likeliest first. The duration decides only for the harmless
/// side: that pauses are cut out is believed where the recorder says so, and there too not against
/// the file's own length.
///
/// Without the recorder's own word about the end, that of the interaction says only whether so much
/// is missing that pauses can be.
fn readings(
    own: &[Offsets],
    timeline: Timeline,
    ended: Option<Timestamp>,
    warnings: &mut Vec<MaskWarning>,
) -> Vec<Reading> {
    let paused = gone_before(i128::MAX, own);
    let reading = |cut, unexplained: Option<i128>| {
        let unexplained = unexplained.filter(|rest| rest.abs() <= allowance(timeline));
        let rest = unexplained.unwrap_or(0);
        Reading { cut, slack: (rest.min(0), rest.max(0)) }
    };
    let Some(wall) = timeline.wall() else {
        let until = ended.and_then(|stop| Timeline { stop: Some(stop), ..timeline }.wall());
        let missing = until.map_or(0, |until| until - timeline.playing());
        if timeline.source == SourceTimeline::Auto && paused > 0 && missing * 4 >= paused * 3 {
            warnings.push(uncertain());
            return vec![reading(false, None), reading(true, None)];
        }
        return vec![reading(timeline.source == SourceTimeline::Cut, None)];
    };
    let (kept, cut) = (timeline.playing() - wall, timeline.playing() - wall + paused);
    let is_kept = paused == 0 || kept.abs() * 4 <= paused || kept.abs() * 4 <= cut.abs();
    let both = match timeline.source {
        SourceTimeline::Silence => false,
        SourceTimeline::Cut => is_kept && paused > 0,
        SourceTimeline::Auto => !is_kept,
    };
    let sure_cut = timeline.source == SourceTimeline::Cut;
    if both {
        warnings.push(uncertain());
        let readings = [reading(false, Some(kept)), reading(true, Some(cut))];
        return if sure_cut { readings.into_iter().rev().collect() } else { readings.to_vec() };
    }
    let unexplained = if sure_cut { cut } else { kept };
    if unexplained.abs() > allowance(timeline) && !own.is_empty() {
        warnings.push(mismatch(unexplained));
    }
    vec![reading(sure_cut, Some(unexplained))]
}

fn uncertain() -> MaskWarning {
    let text = "start, stop and duration do not tell whether pauses are in the file: silent for \
                both";
    MaskWarning { code: WarningCode::TimelineUncertain, text: text.to_owned() }
}

/// Start and stop do not fit the duration at all (R16).
fn mismatch(drift: i128) -> MaskWarning {
    let rest = drift.rem_euclid(ZONE_STEP_MICROS);
    let near = rest <= ZONE_SLACK_MICROS || ZONE_STEP_MICROS - rest <= ZONE_SLACK_MICROS;
    let shown = time(drift.abs());
    if near && drift.abs() > ZONE_STEP_MICROS / 2 {
        let text = format!("stop and start differ from the duration by {shown}: a time zone?");
        return MaskWarning { code: WarningCode::TimezoneSlip, text };
    }
    let text = format!("stop and start differ from the duration by {shown}");
    MaskWarning { code: WarningCode::ClockMismatch, text }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::{ControlEvent, ControlKind, MaskPlan};

    const START: &str = "2026-03-04T09:15:00Z";

    /// Pauses in seconds after the start; wall clock and file in seconds.
    fn plan(pauses: &[(i64, i64)], wall: i64, file: u64, source: SourceTimeline) -> MaskPlan {
        let start: Timestamp = START.parse().unwrap();
        let after = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
        let event = |seconds: i64, kind| ControlEvent { time: after(seconds).to_string(), kind };
        let events = pauses.iter().flat_map(|(from, to)| {
            [event(*from, ControlKind::Paused), event(*to, ControlKind::Resume)]
        });
        let duration = MediaTime::from_millis(file * 1000);
        let first = MediaTime::ZERO;
        let timeline = Timeline { start, stop: Some(after(wall)), duration, first, source };
        let events: Vec<_> = events.collect();
        MaskPlan::from_events(
            &events,
            &Companions::default(),
            timeline,
            None,
            MediaTime::from_millis(500),
        )
        .unwrap()
    }

    fn millis(spans: &[Span]) -> Vec<(u64, u64)> {
        spans.iter().map(|span| (span.from.as_millis(), span.to.as_millis())).collect()
    }

    #[test]
    fn cut_pauses_are_points_and_move_what_follows() {
        let cut = plan(&[(10, 20), (40, 50)], 60, 40, SourceTimeline::Cut);
        assert_eq!(millis(&cut.silenced), [(9500, 10_500), (29_500, 30_500)]);
        // What was said is not believed against the file's own length.
        let doubted = plan(&[(10, 20)], 60, 60, SourceTimeline::Cut);
        assert_eq!(millis(&doubted.silenced), [(9500, 20_500)]);
        assert_eq!(doubted.warnings[0].code, WarningCode::TimelineUncertain);
        // A file that ended with its pause.
        let last = plan(&[(50, 60)], 60, 50, SourceTimeline::Cut);
        assert_eq!(millis(&last.silenced), [(49_499, 50_000)]);
    }

    #[test]
    fn auto_keeps_the_wall_clock_where_the_duration_says_so() {
        let auto = plan(&[(10, 20), (40, 50)], 60, 60, SourceTimeline::Auto);
        assert_eq!(millis(&auto.silenced), [(9500, 20_500), (39_500, 50_500)]);
        assert!(auto.warnings.is_empty());
    }

    #[test]
    fn an_undecided_timeline_is_silent_for_both() {
        // Cut out, or a recorder that began late: nobody can tell.
        let both = plan(&[(10, 20), (40, 50)], 70, 50, SourceTimeline::Auto);
        assert!(both.warnings.iter().any(|w| w.code == WarningCode::TimelineUncertain));
        assert_eq!(millis(&both.silenced), [(9500, 20_500), (29_500, 30_500), (39_500, 50_000)]);
        assert_eq!(both.requested.len(), 2);
        // The second pause is in the file only if pauses were cut out.
        let short = plan(&[(10, 20), (50, 60)], 70, 50, SourceTimeline::Auto);
        assert_eq!(millis(&short.silenced), [(9500, 20_500), (39_500, 40_500)]);
    }

    #[test]
    fn pauses_of_other_files_count_as_far_as_they_are_in_this_one() {
        let start: Timestamp = START.parse().unwrap();
        let after = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
        let wall = |from, to| WallSpan { from: after(from), to: after(to) };
        let others = [wall(-20, -5), wall(-5, 5), wall(30, 40), wall(70, 80)];
        let placed = |source, file| {
            let duration = MediaTime::from_millis(file);
            let first = MediaTime::ZERO;
            let timeline = Timeline { start, stop: Some(after(60)), duration, first, source };
            let own = [Pause { from: Some(after(10)), to: Some(after(20)) }];
            let companions = Companions { pauses: others.to_vec(), ..Companions::default() };
            let placed = place(&own, &companions, timeline, &mut Vec::new()).unwrap();
            millis(&placed.requested)
        };
        let kept = placed(SourceTimeline::Silence, 60_000);
        assert_eq!(kept, [(10_000, 20_000), (0, 5000), (30_000, 40_000)]);
        let cut = placed(SourceTimeline::Cut, 50_000);
        assert_eq!(cut, [(10_000, 10_000), (0, 5000), (20_000, 30_000)]);
    }

    #[test]
    fn drift_widens_and_a_wrong_zone_is_told() {
        let drifting = plan(&[(30, 40)], 60, 61, SourceTimeline::Silence);
        assert_eq!(millis(&drifting.requested), [(30_000, 40_000)]);
        assert_eq!(millis(&drifting.silenced), [(29_500, 41_500)]);
        // The recorder began late: everything is earlier in the file.
        let late = plan(&[(5, 10)], 60, 58, SourceTimeline::Silence);
        assert_eq!(millis(&late.silenced), [(2500, 10_500)]);
        let slip = plan(&[(30, 40)], 60 + 3600, 61, SourceTimeline::Silence);
        assert_eq!(slip.warnings[0].code, WarningCode::TimezoneSlip);
        let odd = plan(&[(30, 40)], 200, 61, SourceTimeline::Silence);
        assert_eq!(odd.warnings[0].code, WarningCode::ClockMismatch);
    }
}
