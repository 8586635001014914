//! From the movie's time, in which the plan speaks, to a track's media ticks.

use crate::asset::MediaTime;
use crate::mask::ticks::TickSpans;
use crate::mask::{MaskError, MaskPlan, QuarantineReason};
use crate::media::Measured;
use crate::media::mp4::{Index, TrackIndex};

/// Where a tick lies beyond every sample.
const NEVER: (i128, i128) = (i128::MIN, i128::MAX);

/// One part of the media that plays, in ticks of the wanted rate. Lower bounds are rounded down,
/// upper ones up.
struct Played {
    /// First media tick, rounded down and up.
    media: (i128, i128),
    /// Movie time of its start, rounded down and up.
    start: (i128, i128),
    /// How long it plays; `None` to the end.
    len: Option<i128>,
}

/// `value` of `from` ticks per second in ticks of `rate`, rounded down and up.
fn scale(value: u64, rate: u32, from: u64) -> (i128, i128) {
    let (scaled, from) = (i128::from(value) * i128::from(rate), i128::from(from.max(1)));
    (scaled.div_euclid(from), (scaled + from - 1).div_euclid(from))
}

/// The spans of `plan` on the media clock of `track`, counted in `rate` ticks per second and
/// rounded outward.
///
/// With one edit, media outside it counts as playing just before and after. With several, media
/// in none of them has no time, and is inside a span always.
///
/// # Errors
/// Quarantine when an edit does not play at its normal rate.
pub(super) fn media_spans(
    plan: &MaskPlan,
    facts: &Measured,
    index: &Index,
    track: &TrackIndex,
    rate: u32,
) -> Result<TickSpans, MaskError> {
    let played = played(index, track, rate)?;
    let mut ranges = Vec::new();
    for span in &plan.silenced {
        let from = scale(span.from.as_micros(), rate, 1_000_000).0;
        let to = scale(span.to.as_micros(), rate, 1_000_000).1;
        for part in &played {
            let mut range = (part.media.0 + from - part.start.1, part.media.1 + to - part.start.0);
            if let [_] = played.as_slice() {
                let first = span.from == MediaTime::ZERO;
                let last = span.to >= facts.duration;
                range.0 = if first { i128::MIN } else { range.0 };
                range.1 = if last { i128::MAX } else { range.1 };
            } else {
                let end = part.len.map_or(i128::MAX, |len| part.media.1.saturating_add(len));
                range = (range.0.max(part.media.0), range.1.min(end));
            }
            ranges.push(range);
        }
    }
    if played.is_empty() {
        return Ok(TickSpans::of(vec![NEVER]));
    }
    if played.len() > 1 {
        ranges.extend(hidden(&played));
    }
    Ok(TickSpans::of(ranges))
}

/// The parts of the media that play.
fn played(index: &Index, track: &TrackIndex, rate: u32) -> Result<Vec<Played>, MaskError> {
    if track.edits.is_empty() {
        return Ok(vec![Played { media: (0, 0), start: (0, 0), len: None }]);
    }
    let mut played = Vec::new();
    let mut start = 0_u64;
    for edit in &track.edits {
        if let Some(media) = edit.media_time {
            if !edit.normal_rate {
                let detail = format!("track {} has an edit that plays at another speed", track.id);
                let reason = QuarantineReason::MaskUnsupportedContainer;
                return Err(MaskError::quarantine(reason, detail));
            }
            let len = scale(edit.duration, rate, index.movie_timescale.into()).1;
            played.push(Played {
                media: scale(media, rate, track.timescale.into()),
                start: scale(start, rate, index.movie_timescale.into()),
                len: (edit.duration > 0).then_some(len),
            });
        }
        start = start.saturating_add(edit.duration);
    }
    Ok(played)
}

/// The media ticks in none of the parts.
fn hidden(played: &[Played]) -> Vec<(i128, i128)> {
    let mut parts: Vec<(i128, i128)> = Vec::with_capacity(played.len());
    for part in played {
        let end = part.len.map_or(i128::MAX, |len| part.media.0.saturating_add(len));
        parts.push((part.media.1, end));
    }
    parts.sort_unstable();
    let mut hidden = Vec::new();
    let mut seen = i128::MIN;
    for (from, to) in parts {
        if from > seen {
            hidden.push((seen, from));
        }
        seen = seen.max(to);
    }
    hidden.push((seen, i128::MAX));
    hidden
}
