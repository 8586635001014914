//! `voiceStages` and `screenStages`: when something was recorded, silenced, or on hold.

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::answer::Shown;
use crate::asset::{MediaTime, Ruling, RulingKind, utc_format};
use crate::play::Medium;

/// A stretch of the wall clock.
type Stretch = (Timestamp, Timestamp);

/// The stages of the voice, or of the screen, in the order of time: what is silent is `MASK`, what
/// lies between is `ACTIVE`, and `HOLD` lies over both.
pub(super) fn stages(shown: &Shown<'_>, of_screen: bool) -> Value {
    let scene = shown.scene;
    let medium = scene.and_then(|scene| if of_screen { scene.screen } else { scene.voice });
    let Some(medium) = medium else { return json!([]) };
    let (from, to) = (medium.start.max(shown.start()), medium.end().min(shown.end()));
    let masks = masks(medium, (from, to));
    let mut all: Vec<(Timestamp, Timestamp, &str)> = Vec::new();
    let mut at = from;
    for (begin, end) in &masks {
        if at < *begin {
            all.push((at, *begin, "ACTIVE"));
        }
        all.push((*begin, *end, "MASK"));
        at = at.max(*end);
    }
    if at < to {
        all.push((at, to, "ACTIVE"));
    }
    for (begin, end) in holds(&shown.take.recording.rulings, (from, to)) {
        all.push((begin, end, "HOLD"));
    }
    all.sort_by_key(|(begin, _, _)| *begin);
    let list: Vec<Value> = all
        .into_iter()
        .map(|(begin, end, stage)| {
            let mut stage = json!({
                "stageType": stage,
                "startTime": utc_format(begin),
                "endTime": utc_format(end),
                "recordingID": medium.row.asset_id,
            });
            if let Some(stage) = stage.as_object_mut().filter(|_| of_screen) {
                stage.insert("displays".to_owned(), json!([]));
            }
            stage
        })
        .collect();
    list.into()
}

/// The masks of a media file within a stretch, joined where they touch.
fn masks(medium: &Medium, within: Stretch) -> Vec<Stretch> {
    let spans = medium.outcome.as_ref().map(|outcome| outcome.spans.as_slice()).unwrap_or_default();
    let at = |time: MediaTime| {
        let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let after = SignedDuration::from_micros(micros);
        medium.start.checked_add(after).unwrap_or(Timestamp::MAX)
    };
    joined(spans.iter().map(|span| (at(span.from), at(span.to))).collect(), within)
}

/// When the customer was on hold; a hold that nobody ended lasts to the end.
fn holds(rulings: &[Ruling], within: Stretch) -> Vec<Stretch> {
    let (mut held, mut found) = (None, Vec::new());
    for ruling in rulings {
        match (ruling.kind, held) {
            (RulingKind::Hold, None) => held = Some(ruling.at),
            (RulingKind::Unhold, Some(from)) => {
                found.push((from, ruling.at));
                held = None;
            }
            _ => {}
        }
    }
    found.extend(held.map(|from| (from, within.1)));
    joined(found, within)
}

fn joined(mut stretches: Vec<Stretch>, (from, to): Stretch) -> Vec<Stretch> {
    stretches.sort();
    let mut joined: Vec<Stretch> = Vec::with_capacity(stretches.len());
    for (begin, end) in stretches {
        let (begin, end) = (begin.max(from), end.min(to));
        match joined.last_mut() {
            _ if begin >= end => {}
            Some(last) if begin <= last.1 => last.1 = last.1.max(end),
            _ => joined.push((begin, end)),
        }
    }
    joined
}
