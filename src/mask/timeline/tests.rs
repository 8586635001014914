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

/// A plan of the ledger alone, in seconds after the start; an open stretch has no end.
fn ruled(
    stretches: &[(i64, Option<i64>, bool)],
    pauses: &[(i64, i64)],
    file: u64,
    ended: Option<i64>,
    source: SourceTimeline,
) -> MaskPlan {
    let start: Timestamp = START.parse().unwrap();
    let after = |seconds: i64| start + jiff::SignedDuration::from_secs(seconds);
    let stretch = |(from, to, dropped): &(i64, Option<i64>, bool)| Stretch {
        from: after(*from),
        to: to.map(after),
        dropped: *dropped,
    };
    let event = |seconds: i64, kind| ControlEvent { time: after(seconds).to_string(), kind };
    let events = pauses.iter().flat_map(|(from, to)| {
        [event(*from, ControlKind::Paused), event(*to, ControlKind::Resume)]
    });
    let events: Vec<_> = events.collect();
    let companions = Companions {
        ledger: stretches.iter().map(stretch).collect(),
        ended: ended.map(after),
        ..Companions::default()
    };
    let (duration, first) = (MediaTime::from_millis(file * 1000), MediaTime::ZERO);
    let timeline = Timeline { start, stop: None, duration, first, source };
    let guard = MediaTime::from_millis(500);
    MaskPlan::from_events(&events, &companions, timeline, None, guard).unwrap()
}

#[test]
fn the_ledger_counts_as_far_as_the_file_has_it() {
    let stretches = [
        (-20, Some(-5), false),
        (10, Some(20), false),
        (30, Some(40), true),
        (55, None, true),
        (70, Some(80), false),
    ];
    let plan = ruled(&stretches, &[], 60, None, SourceTimeline::Auto);
    assert_eq!(millis(&plan.requested), [(10_000, 20_000), (30_000, 40_000), (55_000, 60_000)]);
    assert_eq!(plan.requested[1].reason, SpanReason::NotRecorded);
    assert_eq!(plan.dropped, Some(MediaTime::from_millis(55_000)));
    assert!(!plan.keeps_nothing());
    let short = plan.ending_at(MediaTime::from_millis(54_980));
    assert_eq!(short.silenced.last().unwrap().to, MediaTime::from_millis(54_980));
    assert_eq!(millis(&short.silenced).last(), Some(&(54_500, 54_980)));
    // A file that ended before, and one of which only the guard would be left.
    let before = ruled(&[(55, None, true)], &[], 50, None, SourceTimeline::Auto);
    assert_eq!((before.dropped, before.silenced.len()), (None, 0));
    assert!(ruled(&[(0, None, true)], &[], 50, None, SourceTimeline::Auto).keeps_nothing());
    assert!(ruled(&[(-9, None, true)], &[], 50, None, SourceTimeline::Auto).keeps_nothing());
}

#[test]
fn a_pause_that_the_recorder_tells_too_is_gone_once() {
    let plan = ruled(
        &[(10, Some(20), false), (40, None, true)],
        &[(10, 20)],
        50,
        None,
        SourceTimeline::Cut,
    );
    assert_eq!(plan.dropped, Some(MediaTime::from_millis(30_000)));
}

#[test]
fn the_end_of_the_interaction_tells_whether_pauses_can_be_missing() {
    let both = |ended| {
        let plan = ruled(&[(10, Some(20), false)], &[], 50, Some(ended), SourceTimeline::Auto);
        plan.warnings.iter().any(|warning| warning.code == WarningCode::TimelineUncertain)
    };
    assert!(both(60) && both(300));
    assert!(!both(50) && !both(53) && !both(20));
}
