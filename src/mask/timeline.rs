//! Where pauses of the wall clock lie in a media file: kept or cut out by the recorder (R11), and
//! stretched by a clock that ran differently.

use jiff::Timestamp;

use super::events::Pause;
use super::{MaskError, MaskWarning, QuarantineReason, WarningCode};
use crate::asset::{MediaTime, SourceTimeline, Span, SpanReason};

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

/// Spans of a file.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// What was asked for.
    pub(super) requested: Vec<Span>,
    /// What else must be silent, because the clocks leave it open.
    pub(super) doubtful: Vec<Span>,
}

/// Which of the two meanings of a pause apply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Silence,
    Cut,
    Either,
}

/// Puts pauses on the media timeline, rounding outward to microseconds. Of `others` only what lies
/// within the file counts.
pub(super) fn place(
    pauses: &[Pause],
    others: &[WallSpan],
    timeline: Timeline,
    warnings: &mut Vec<MaskWarning>,
) -> Result<Placed, MaskError> {
    let mut placed = Placed::default();
    let meaning = meaning(pauses, timeline, warnings);
    if meaning != Meaning::Cut {
        for pause in pauses {
            let span = in_place(pause, timeline, warnings)?;
            placed.requested.push(span);
        }
        placed.requested.extend(others.iter().filter_map(|other| {
            within(offset(other.from, timeline), offset_up(other.to, timeline), timeline)
        }));
        placed.doubtful = drifted(&placed.requested, timeline, warnings);
    }
    if meaning != Meaning::Silence {
        let cut = cut_out(pauses, timeline);
        let outside = cut.iter().find(|span| span.from >= timeline.duration);
        match (meaning, outside) {
            (Meaning::Cut, Some(span)) => {
                let text = format!("the cut at {} is not before the end", span.from);
                return Err(MaskError::quarantine(QuarantineReason::MaskOutsideMedia, text));
            }
            (Meaning::Cut, None) => placed.requested = cut,
            _ => {
                placed.doubtful.extend(cut.into_iter().filter(|span| span.from < timeline.duration))
            }
        }
        let others = others.iter().filter_map(|other| {
            let at = |offset| moved(offset, pauses, timeline);
            within(at(offset(other.from, timeline)), at(offset_up(other.to, timeline)), timeline)
        });
        match meaning {
            Meaning::Cut => placed.requested.extend(others),
            _ => placed.doubtful.extend(others),
        }
    }
    Ok(placed)
}

/// The part of `[from, to)` that the file has. No length becomes the shortest one.
fn within(from: i128, to: i128, timeline: Timeline) -> Option<Span> {
    let to = to.max(from + 1);
    let span =
        Span { from: time(from), to: time(to).min(timeline.duration), reason: SpanReason::Paused };
    (span.from < span.to).then_some(span)
}

/// Where an offset of the wall clock lies in a file that was stopped during `pauses`.
fn moved(at: i128, pauses: &[Pause], timeline: Timeline) -> i128 {
    let gone = pauses.iter().filter_map(|pause| {
        let from = pause.from.map_or(0, |from| offset(from, timeline).max(0));
        Some((offset(pause.to?, timeline).min(at) - from).max(0))
    });
    at - gone.sum::<i128>()
}

/// Decides by the duration: the nearer explanation, if it is nearer by far.
fn meaning(pauses: &[Pause], timeline: Timeline, warnings: &mut Vec<MaskWarning>) -> Meaning {
    let paused: i128 = pauses.iter().filter_map(|pause| length(pause, timeline)).sum();
    match (timeline.source, wall(timeline)) {
        (SourceTimeline::Silence, _) | (SourceTimeline::Auto, None) => Meaning::Silence,
        (SourceTimeline::Cut, _) => Meaning::Cut,
        (SourceTimeline::Auto, Some(wall)) => {
            let duration = i128::from(timeline.duration.as_micros());
            let (kept, cut) = ((duration - wall).abs(), (duration - wall + paused).abs());
            if kept * 4 <= paused || paused == 0 || kept * 4 <= cut {
                Meaning::Silence
            } else if cut * 4 <= paused {
                let text = format!("{} of pauses are not in the file", micros(paused));
                warnings.push(MaskWarning { code: WarningCode::TimelineCut, text });
                Meaning::Cut
            } else {
                let text = "start, stop and duration do not tell whether pauses are in the file: \
                            silent for both"
                    .to_owned();
                warnings.push(MaskWarning { code: WarningCode::TimelineUncertain, text });
                Meaning::Either
            }
        }
    }
}

/// From the first to after the last sample by the wall clock, in microseconds.
fn wall(timeline: Timeline) -> Option<i128> {
    let stop = timeline.stop?;
    let wall = (stop.as_nanosecond() - timeline.start.as_nanosecond()).div_euclid(1000);
    (wall > 0).then_some(wall)
}

/// Length of a pause inside the recording, in microseconds.
fn length(pause: &Pause, timeline: Timeline) -> Option<i128> {
    let from = pause.from.map_or(0, |at| offset(at, timeline).max(0));
    let to = offset(pause.to?, timeline);
    Some((to - from).max(0))
}

/// Microseconds from the start, rounded down.
fn offset(at: Timestamp, timeline: Timeline) -> i128 {
    (at.as_nanosecond() - timeline.start.as_nanosecond()).div_euclid(1000)
}

/// Microseconds from the start, rounded up.
fn offset_up(at: Timestamp, timeline: Timeline) -> i128 {
    (at.as_nanosecond() - timeline.start.as_nanosecond() + 999).div_euclid(1000)
}

fn time(micros: i128) -> MediaTime {
    MediaTime::from_micros(u64::try_from(micros.max(0)).unwrap_or(u64::MAX))
}

fn micros(count: i128) -> String {
    time(count.abs()).to_string()
}

/// A pause of a file that went on. A pause of no length becomes one of the shortest.
fn in_place(
    pause: &Pause,
    timeline: Timeline,
    warnings: &mut Vec<MaskWarning>,
) -> Result<Span, MaskError> {
    let from = pause.from.map_or(0, |at| offset(at, timeline));
    let shortest = pause.from.map_or(i128::MIN, |_| from + 1);
    let to = pause.to.map(|at| offset_up(at, timeline).max(shortest));
    let duration = timeline.duration;
    let end = i128::from(duration.as_micros());
    let shown_to = pause.to.map_or_else(|| "the end".to_owned(), |at| at.to_string());
    let shown_from = pause.from.map_or_else(|| "the start".to_owned(), |at| at.to_string());
    if from >= end || to.is_some_and(|to| to <= 0) {
        let start = timeline.start;
        let detail = format!(
            "silence from {shown_from} to {shown_to}; the file begins at {start} and lasts {duration}"
        );
        return Err(MaskError::quarantine(QuarantineReason::MaskOutsideMedia, detail));
    }
    if from < 0 || to.is_some_and(|to| to > end) {
        let text = format!("silence from {shown_from} to {shown_to} reaches beyond the file");
        warnings.push(MaskWarning { code: WarningCode::MaskClamped, text });
    }
    let reason = reason(pause);
    Ok(Span { from: time(from), to: to.map_or(duration, |to| time(to.min(end))), reason })
}

const fn reason(pause: &Pause) -> SpanReason {
    match (pause.from, pause.to) {
        (_, None) => SpanReason::PausedToEnd,
        (None, _) => SpanReason::ResumedFromStart,
        _ => SpanReason::Paused,
    }
}

/// Pauses of a file that stopped: points, at the place where the file went on. One that is open
/// at the start or the end stays a span, for there nothing tells when the file began or stopped.
fn cut_out(pauses: &[Pause], timeline: Timeline) -> Vec<Span> {
    let mut gone = 0;
    let mut spans = Vec::with_capacity(pauses.len());
    for pause in pauses {
        let reason = reason(pause);
        let at = pause.from.map_or(0, |from| offset(from, timeline).max(0)) - gone;
        let to = match (pause.from, pause.to) {
            (None, Some(to)) => time(offset(to, timeline).max(1)),
            (_, None) => timeline.duration,
            _ => time(at + 1),
        };
        gone += length(pause, timeline).unwrap_or(0);
        spans.push(Span { from: time(at), to: to.max(time(at + 1)), reason });
    }
    spans
}

/// Where the spans lie if the media clock ran evenly faster or slower than the wall clock,
/// together with where they were asked for.
fn drifted(spans: &[Span], timeline: Timeline, warnings: &mut Vec<MaskWarning>) -> Vec<Span> {
    let Some(wall) = wall(timeline).filter(|_| !spans.is_empty()) else { return Vec::new() };
    let duration = i128::from(timeline.duration.as_micros());
    let drift = duration - wall;
    if drift.abs() > MAX_DRIFT_MICROS + duration / DRIFT_SHARE {
        warnings.push(mismatch(drift));
        return Vec::new();
    }
    let scaled = |at: MediaTime| time(i128::from(at.as_micros()) * duration / wall);
    let widen = |span: &Span| Span {
        from: span.from.min(scaled(span.from)),
        to: span.to.max(scaled(span.to)).min(timeline.duration),
        reason: span.reason,
    };
    spans.iter().map(widen).filter(|span| span.from < span.to).collect()
}

/// Start and stop do not fit the duration at all (R16).
fn mismatch(drift: i128) -> MaskWarning {
    let rest = drift.rem_euclid(ZONE_STEP_MICROS);
    let near = rest <= ZONE_SLACK_MICROS || ZONE_STEP_MICROS - rest <= ZONE_SLACK_MICROS;
    if near && drift.abs() > ZONE_STEP_MICROS / 2 {
        let text =
            format!("stop and start differ from the duration by {}: a time zone?", micros(drift));
        return MaskWarning { code: WarningCode::TimezoneSlip, text };
    }
    let text = format!("stop and start differ from the duration by {}", micros(drift));
    MaskWarning { code: WarningCode::ClockMismatch, text }
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
        let timeline = Timeline { start, stop: Some(after(wall)), duration, source };
        let events: Vec<_> = events.collect();
        MaskPlan::from_events(&events, &[], timeline, None, MediaTime::from_millis(500)).unwrap()
    }

    fn millis(spans: &[Span]) -> Vec<(u64, u64)> {
        spans.iter().map(|span| (span.from.as_millis(), span.to.as_millis())).collect()
    }

    #[test]
    fn cut_pauses_are_points_and_move_what_follows() {
        let cut = plan(&[(10, 20), (40, 50)], 60, 40, SourceTimeline::Cut);
        assert_eq!(millis(&cut.silenced), [(9500, 10_500), (29_500, 30_500)]);
        let auto = plan(&[(10, 20), (40, 50)], 60, 40, SourceTimeline::Auto);
        assert_eq!(auto.silenced, cut.silenced);
        assert_eq!(auto.warnings[0].code, WarningCode::TimelineCut);
    }

    #[test]
    fn auto_keeps_the_wall_clock_where_the_duration_says_so() {
        let auto = plan(&[(10, 20), (40, 50)], 60, 60, SourceTimeline::Auto);
        assert_eq!(millis(&auto.silenced), [(9500, 20_500), (39_500, 50_500)]);
        assert!(auto.warnings.is_empty());
    }

    #[test]
    fn an_undecided_timeline_is_silent_for_both() {
        let both = plan(&[(10, 20), (40, 50)], 60, 52, SourceTimeline::Auto);
        assert!(both.warnings.iter().any(|w| w.code == WarningCode::TimelineUncertain));
        assert_eq!(millis(&both.silenced), [(9500, 20_500), (29_500, 30_500), (39_500, 50_500)]);
        assert_eq!(both.requested.len(), 2);
    }

    #[test]
    fn pauses_of_other_files_count_as_far_as_they_are_in_this_one() {
        let start: Timestamp = START.parse().unwrap();
        let after = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
        let wall = |from, to| WallSpan { from: after(from), to: after(to) };
        let others = [wall(-20, -5), wall(-5, 5), wall(30, 40), wall(70, 80)];
        let placed = |source, file| {
            let duration = MediaTime::from_millis(file);
            let timeline = Timeline { start, stop: Some(after(60)), duration, source };
            let own = [Pause { from: Some(after(10)), to: Some(after(20)) }];
            let placed = place(&own, &others, timeline, &mut Vec::new()).unwrap();
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
        assert_eq!(millis(&drifting.silenced), [(29_500, 41_166)]);
        let slip = plan(&[(30, 40)], 60 + 3600, 61, SourceTimeline::Silence);
        assert_eq!(slip.warnings[0].code, WarningCode::TimezoneSlip);
        let odd = plan(&[(30, 40)], 200, 61, SourceTimeline::Silence);
        assert_eq!(odd.warnings[0].code, WarningCode::ClockMismatch);
    }
}
