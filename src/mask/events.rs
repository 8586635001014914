//! From `paused` and `resume` on the wall clock to spans on the media timeline (`docs/gir.md`
//! R8, R9, R14).

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde::{Deserialize, Serialize};

use super::timeline::{Companions, Placed, Timeline, WallSpan, place};
use super::{MaskError, MaskPlan, MaskWarning, QuarantineReason, WarningCode};
use crate::asset::{MaskEntry, MediaTime, StampError, WireTime};

/// Most control events of one file; a minute-by-minute pause of a whole day has 2880.
pub const MAX_EVENTS: usize = 10_000;

/// What a control event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ControlKind {
    /// From here nothing must be heard.
    Paused,
    /// From here everything may be heard.
    Resume,
}

/// One entry of `masks`, as it came.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlEvent {
    /// As written; the record repeats it unchanged (R13).
    pub time: String,
    /// `paused` or `resume`.
    #[serde(rename = "type")]
    pub kind: ControlKind,
}

impl TryFrom<&MaskEntry> for ControlEvent {
    type Error = MaskError;

    /// Reads an entry of a checked document.
    fn try_from(entry: &MaskEntry) -> Result<Self, MaskError> {
        let kind = match entry.kind.as_str() {
            "paused" => ControlKind::Paused,
            "resume" => ControlKind::Resume,
            other => {
                let detail = shown(other);
                return Err(MaskError::quarantine(QuarantineReason::MaskKindUnknown, detail));
            }
        };
        Ok(Self { time: entry.time.clone(), kind })
    }
}

/// Foreign text for a message: enough of it to find it, and no control characters.
fn shown(text: &str) -> String {
    format!("{:?}", text.chars().take(40).collect::<String>())
}

/// Reads a time of an insertion record, local times in `zone`.
///
/// # Errors
/// Quarantine, with its own reason for an unreadable, a zoneless and an ambiguous time.
pub fn resolve_time(text: &str, zone: Option<&TimeZone>) -> Result<Timestamp, MaskError> {
    WireTime::parse(text).and_then(|time| time.resolve(zone)).map_err(|error| {
        let reason = match error {
            StampError::Form => QuarantineReason::MaskTimeUnreadable,
            StampError::NoZone => QuarantineReason::MaskNeedsZone,
            StampError::Ambiguous => QuarantineReason::MaskTimeAmbiguous,
        };
        MaskError::quarantine(reason, format!("{} {error}", shown(text)))
    })
}

/// An event whose time is known.
struct Event<'a> {
    at: Timestamp,
    kind: ControlKind,
    text: &'a str,
    /// The `paused` right before it in the document, if there is one.
    follows_pause: Option<Timestamp>,
}

/// A pause on the wall clock; an open side is silent up to the file's end on that side.
pub(super) struct Pause {
    pub(super) from: Option<Timestamp>,
    pub(super) to: Option<Timestamp>,
}

impl MaskPlan {
    /// A plan from the control events of a file.
    ///
    /// Events are sorted by time and exact duplicates dropped. Of two `paused` in a row the first
    /// counts. A `paused` without `resume` is silent to the end, a `resume` without `paused` from
    /// the start; but a first `resume` that the document lists right after a later `paused` is a
    /// wrong date, and the pause stays open.
    ///
    /// Pauses of `companions` are silent too, as far as the file has them; and a pause of its own
    /// that lies in a companion need not be in the file.
    ///
    /// # Errors
    /// Quarantine when a time cannot be used, or a mask lies wholly outside the file.
    pub fn from_events(
        events: &[ControlEvent],
        companions: &Companions,
        timeline: Timeline,
        zone: Option<&TimeZone>,
        guard: MediaTime,
    ) -> Result<Self, MaskError> {
        let mut warnings = Vec::new();
        let pauses = pair(&read(events, zone)?, &mut warnings);
        let placed = place(&pauses, companions, timeline, &mut warnings)?;
        let Placed { requested, doubtful, dropped } = placed;
        let mut plan = Self::assemble(&requested, doubtful, timeline.duration, guard)?;
        plan.warnings = warnings;
        plan.dropped = dropped;
        Ok(plan)
    }
}

/// The pauses of a file, for its companions of the same recording. An open side has no end: how
/// long a companion plays is not known here.
///
/// # Errors
/// As [`MaskPlan::from_events`].
pub fn wall_spans(
    events: &[ControlEvent],
    zone: Option<&TimeZone>,
) -> Result<Vec<WallSpan>, MaskError> {
    let pauses = pair(&read(events, zone)?, &mut Vec::new());
    let span = |pause: &Pause| WallSpan {
        from: pause.from.unwrap_or(Timestamp::MIN),
        to: pause.to.unwrap_or(Timestamp::MAX),
    };
    Ok(pauses.iter().map(span).collect())
}

/// Resolves all times, then sorts and drops exact duplicates. Events of the same instant keep the
/// document's order.
fn read<'a>(
    events: &'a [ControlEvent],
    zone: Option<&TimeZone>,
) -> Result<Vec<Event<'a>>, MaskError> {
    if events.len() > MAX_EVENTS {
        let detail = format!("{} events; the limit is {MAX_EVENTS}", events.len());
        return Err(MaskError::quarantine(QuarantineReason::MaskTooManyEvents, detail));
    }
    let mut known: Vec<Event<'a>> = Vec::with_capacity(events.len());
    for event in events {
        let at = resolve_time(&event.time, zone)?;
        let before = known.last().filter(|last| last.kind == ControlKind::Paused);
        let follows_pause = before.map(|last| last.at);
        known.push(Event { at, kind: event.kind, text: &event.time, follows_pause });
    }
    known.sort_by_key(|event| event.at);
    known.dedup_by(|next, kept| next.at == kept.at && next.kind == kept.kind);
    Ok(known)
}

/// Walks the sorted events as the recorder did.
fn pair(events: &[Event<'_>], warnings: &mut Vec<MaskWarning>) -> Vec<Pause> {
    let mut pauses = Vec::new();
    let mut open: Option<&Event<'_>> = None;
    let mut any = false;
    for event in events {
        let text = event.text;
        match (event.kind, open) {
            (ControlKind::Paused, None) => {
                open = Some(event);
                any = true;
            }
            (ControlKind::Paused, Some(first)) => {
                let first = first.text;
                let text = format!("paused at {text}, but already paused since {first}");
                warnings.push(MaskWarning { code: WarningCode::PauseIgnored, text });
            }
            (ControlKind::Resume, Some(first)) => {
                pauses.push(Pause { from: Some(first.at), to: Some(event.at) });
                open = None;
            }
            (ControlKind::Resume, None) => {
                let wrong_date = event.follows_pause.is_some_and(|pause| event.at < pause);
                let (code, text) = if wrong_date {
                    let text = format!("resume at {text} is earlier than its paused; not used");
                    (WarningCode::ResumeBeforePause, text)
                } else if any {
                    let text = format!("resume at {text}, but nothing is paused; not used");
                    (WarningCode::ResumeIgnored, text)
                } else {
                    pauses.push(Pause { from: None, to: Some(event.at) });
                    any = true;
                    let text = format!("resume at {text} before any paused: silent from the start");
                    (WarningCode::ResumedFromStart, text)
                };
                warnings.push(MaskWarning { code, text });
            }
        }
    }
    if let Some(first) = open {
        let text = format!("paused at {} without a resume: silent to the end", first.text);
        warnings.push(MaskWarning { code: WarningCode::PausedToEnd, text });
        pauses.push(Pause { from: Some(first.at), to: None });
    }
    pauses
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asset::{SourceTimeline, Span, SpanReason};

    const START: &str = "2015-06-15T23:59:00.000Z";

    /// Events, the spans asked for in seconds, and the warnings.
    type Case<'a> = (&'a [(char, i64)], &'a [(u64, u64, SpanReason)], &'a [WarningCode]);

    fn timeline(start: Timestamp, duration: MediaTime) -> Timeline {
        let (first, source) = (MediaTime::ZERO, SourceTimeline::Auto);
        Timeline { start, stop: None, duration, first, source }
    }

    /// Each event is `p` or `r` and seconds after the start; the file lasts 60 s.
    fn plan(script: &[(char, i64)]) -> Result<MaskPlan, MaskError> {
        let start: Timestamp = START.parse().unwrap();
        let event = |(kind, seconds): &(char, i64)| ControlEvent {
            time: (start + jiff::SignedDuration::from_secs(*seconds)).to_string(),
            kind: if *kind == 'p' { ControlKind::Paused } else { ControlKind::Resume },
        };
        let events: Vec<_> = script.iter().map(event).collect();
        let timeline = timeline(start, MediaTime::from_millis(60_000));
        MaskPlan::from_events(
            &events,
            &Companions::default(),
            timeline,
            None,
            MediaTime::from_millis(500),
        )
    }

    fn requested(script: &[(char, i64)]) -> (Vec<(u64, u64, SpanReason)>, Vec<WarningCode>) {
        let plan = plan(script).unwrap();
        let seconds = |time: MediaTime| time.as_millis() / 1000;
        let spans = plan.requested.iter();
        (
            spans.map(|span| (seconds(span.from), seconds(span.to), span.reason)).collect(),
            plan.warnings.iter().map(|warning| warning.code).collect(),
        )
    }

    #[test]
    fn pairs_are_sorted_deduplicated_and_clamped() {
        use SpanReason::{Paused, PausedToEnd, ResumedFromStart};
        use WarningCode as W;
        let cases: [Case<'_>; 14] = [
            (&[], &[], &[]),
            (&[('p', 10), ('r', 20)], &[(10, 20, Paused)], &[]),
            (
                &[('p', 40), ('r', 50), ('p', 10), ('r', 20)],
                &[(10, 20, Paused), (40, 50, Paused)],
                &[],
            ),
            (&[('p', 10), ('p', 10), ('r', 20), ('r', 20)], &[(10, 20, Paused)], &[]),
            (&[('p', 10)], &[(10, 60, PausedToEnd)], &[W::PausedToEnd]),
            (&[('r', 20)], &[(0, 20, ResumedFromStart)], &[W::ResumedFromStart]),
            (
                &[('r', 20), ('p', 30)],
                &[(0, 20, ResumedFromStart), (30, 60, PausedToEnd)],
                &[W::ResumedFromStart, W::PausedToEnd],
            ),
            (
                &[('p', 30), ('r', 20)],
                &[(30, 60, PausedToEnd)],
                &[W::ResumeBeforePause, W::PausedToEnd],
            ),
            (&[('p', 10), ('p', 15), ('r', 20)], &[(10, 20, Paused)], &[W::PauseIgnored]),
            (&[('p', 10), ('r', 20), ('r', 30)], &[(10, 20, Paused)], &[W::ResumeIgnored]),
            (&[('p', -5), ('r', 5)], &[(0, 5, Paused)], &[W::MaskClamped]),
            (&[('p', 50), ('r', 70)], &[(50, 60, Paused)], &[W::MaskClamped]),
            (&[('p', -5)], &[(0, 60, PausedToEnd)], &[W::PausedToEnd, W::MaskClamped]),
            (&[('p', 10), ('r', 20), ('p', 20), ('r', 30)], &[(10, 30, Paused)], &[]),
        ];
        for (script, spans, codes) in cases {
            assert_eq!(requested(script), (spans.to_vec(), codes.to_vec()), "{script:?}");
        }
    }

    #[test]
    fn a_pause_of_no_length_is_silent_for_its_guard() {
        let plan = plan(&[('p', 10), ('r', 10)]).unwrap();
        let span = plan.silenced[0];
        assert_eq!((span.from.as_micros(), span.to.as_micros()), (9_500_000, 10_500_001));
    }

    #[test]
    fn masks_outside_the_file_are_held_back() {
        for script in [
            &[('p', 70), ('r', 80)][..],
            &[('p', -20), ('r', -10)],
            &[('p', -20), ('r', 0)],
            &[('p', 60), ('r', 61)],
            &[('p', 61)],
            &[('r', -1)],
            &[('p', 10), ('r', 20), ('p', 70), ('r', 80)],
        ] {
            let reason = plan(script).unwrap_err().reason();
            assert_eq!(reason, Some(QuarantineReason::MaskOutsideMedia), "{script:?}");
        }
    }

    #[test]
    fn the_seed_sample_is_silent_from_pause_to_end() {
        let json = r#"[{"time":"2015-06-15T23:59:10.034Z","type":"paused"},
                       {"time":"2013-06-15T23:59:20.034Z","type":"resume"}]"#;
        let events: Vec<ControlEvent> = serde_json::from_str(json).unwrap();
        let zone = TimeZone::UTC;
        let start = resolve_time("2015-06-15T23:59:00.000", Some(&zone)).unwrap();
        let timeline = timeline(start, MediaTime::from_millis(59_000));
        let plan = MaskPlan::from_events(
            &events,
            &Companions::default(),
            timeline,
            None,
            MediaTime::from_millis(500),
        )
        .unwrap();
        let expected = |from| {
            let time = MediaTime::from_millis;
            vec![Span::new(time(from), time(59_000), SpanReason::PausedToEnd).unwrap()]
        };
        assert_eq!(plan.requested, expected(10_034));
        assert_eq!(plan.silenced, expected(9_534));
        let codes: Vec<_> = plan.warnings.iter().map(|warning| warning.code).collect();
        assert_eq!(codes, [WarningCode::ResumeBeforePause, WarningCode::PausedToEnd]);
    }

    #[test]
    fn unusable_times_have_their_own_reasons() {
        let zone = TimeZone::get("America/New_York").unwrap();
        for (text, zone, reason) in [
            ("2012-12-18T13:45:032.000Z", None, QuarantineReason::MaskTimeUnreadable),
            ("yesterday", Some(&zone), QuarantineReason::MaskTimeUnreadable),
            ("2024-01-01T00:00:00", None, QuarantineReason::MaskNeedsZone),
            ("2024-11-03T01:30:00", Some(&zone), QuarantineReason::MaskTimeAmbiguous),
        ] {
            let event = ControlEvent { time: text.to_owned(), kind: ControlKind::Paused };
            let start = START.parse().unwrap();
            let timeline = timeline(start, MediaTime::from_millis(1));
            let error = MaskPlan::from_events(
                &[event],
                &Companions::default(),
                timeline,
                zone,
                MediaTime::ZERO,
            );
            assert_eq!(error.unwrap_err().reason(), Some(reason), "{text}");
        }
        let entry = |kind: &str| MaskEntry { time: "x".to_owned(), kind: kind.to_owned() };
        assert!(ControlEvent::try_from(&entry("resume")).is_ok());
        let error = ControlEvent::try_from(&entry("resumed")).unwrap_err();
        assert_eq!(error.reason(), Some(QuarantineReason::MaskKindUnknown));
    }
}
