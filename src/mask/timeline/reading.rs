//! What pauses can mean: kept in the file or cut out of it, by clocks that differ.

use super::{Offsets, Timeline, time};
use crate::asset::SourceTimeline;
use crate::mask::{MaskWarning, WarningCode};

/// A difference of clocks up to this, in microseconds, and up to [`DRIFT_SHARE`] of the duration
/// widens masks; beyond that the stop time says nothing.
const MAX_DRIFT_MICROS: i128 = 2_000_000;
/// As a fraction: one in so many.
const DRIFT_SHARE: i128 = 50;
/// R16: differences that are wrong time zones, in microseconds.
const ZONE_STEP_MICROS: i128 = 15 * 60 * 1_000_000;
const ZONE_SLACK_MICROS: i128 = 2_000_000;

/// One understanding of the pauses, with what the clocks leave open around each place.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reading {
    /// The file stopped during pauses.
    pub(super) cut: bool,
    /// Microseconds that the true place may be earlier (negative) or later.
    pub(super) slack: (i128, i128),
}

impl Reading {
    /// Where a stretch lies in the file, in microseconds. In a file that was stopped, a pause of
    /// its own is the point where it went on; an open one stays a span, for there nothing tells
    /// when the file began or stopped.
    pub(super) fn interval(
        self,
        stretch: Offsets,
        own: &[Offsets],
        timeline: Timeline,
    ) -> (i128, i128) {
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
pub(super) fn readings(
    own: &[Offsets],
    timeline: Timeline,
    warnings: &mut Vec<MaskWarning>,
) -> Vec<Reading> {
    let paused = gone_before(i128::MAX, own);
    let reading = |cut, unexplained: Option<i128>| {
        let unexplained = unexplained.filter(|rest| rest.abs() <= allowance(timeline));
        let rest = unexplained.unwrap_or(0);
        Reading { cut, slack: (rest.min(0), rest.max(0)) }
    };
    let Some(wall) = timeline.wall() else {
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
        let text = "start, stop and duration do not tell whether pauses are in the file: silent \
                    for both";
        let text = text.to_owned();
        warnings.push(MaskWarning { code: WarningCode::TimelineUncertain, text });
        let readings = [reading(false, Some(kept)), reading(true, Some(cut))];
        return if sure_cut { readings.into_iter().rev().collect() } else { readings.to_vec() };
    }
    let unexplained = if sure_cut { cut } else { kept };
    if unexplained.abs() > allowance(timeline) && !own.is_empty() {
        warnings.push(mismatch(unexplained));
    }
    vec![reading(sure_cut, Some(unexplained))]
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
