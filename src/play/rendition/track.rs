//! The units of one track, and which of them play when.

use super::RenditionError;
use super::units::{Input, Preroll, Unit, Want, next_filled};
use crate::media::mp4::MAX_SAMPLES;

/// Most units of a rendition, over its tracks. A plan holds 16 bytes for each, 24 for pictures of
/// Matroska, and while the index is put together 4 to 24 bytes more.
pub(super) const MAX_UNITS: u64 = MAX_SAMPLES;
/// How far sound may begin behind the end of the sound ahead without a gap, in parts of a second:
/// some containers round times to milliseconds.
const GAP_PART: i64 = 50;
/// Longest gap in seconds: a day.
const MAX_GAP_S: u64 = 24 * 3600;

/// A track of the rendition.
pub(super) struct Track {
    pub(super) want: Want,
    /// Width and height, for pictures.
    pub(super) picture: Option<(u16, u16)>,
    /// Ticks per second.
    pub(super) timescale: u32,
    /// The sample entry.
    pub(super) entry: Vec<u8>,
    /// Invariant: not empty, and none is without bytes.
    pub(super) units: Vec<Unit>,
    /// Units of the source, of those with bytes, ahead of the first of `units`.
    pub(super) left_out: u64,
    /// First tick that plays.
    pub(super) media_time: u64,
    /// Ticks that play. Invariant: not 0.
    pub(super) played: u64,
    /// Pause before it, in microseconds.
    pub(super) delay_us: u64,
}

/// All units of an input.
pub(super) struct Collected {
    pub(super) units: Vec<Unit>,
    /// Ticks at the end that are not played.
    pub(super) cut: u64,
    pub(super) entry: Option<Vec<u8>>,
}

/// A stretch of the rendition's clock in microseconds.
#[derive(Debug, Clone, Copy)]
pub(super) struct Window {
    /// Where the rendition begins.
    pub(super) from: i64,
    /// Where it ends; `None` for the end of the sources.
    pub(super) to: Option<i64>,
}

/// Reads all units of an input. `budget` is how many there may be.
pub(super) fn collect(input: &mut Input, budget: &mut u64) -> Result<Collected, RenditionError> {
    let mut units: Vec<Unit> = Vec::new();
    let mut times: Vec<i64> = Vec::new();
    let (mut first, mut at) = (None, 0_i64);
    let step = i64::from(input.timescale) / GAP_PART;
    while let Some((found, empty)) = next_filled(input.units.as_mut())? {
        let spent = budget.checked_sub(1);
        *budget = spent.ok_or(RenditionError::Limit {
            what: "the number of coded units",
            limit: MAX_UNITS,
            found: MAX_UNITS + 1,
        })?;
        let mut gap = empty;
        match found.time {
            Some(time) if input.picture.is_some() => times.push(time),
            Some(time) => {
                let begin = time.saturating_sub(*first.get_or_insert(time));
                let late = begin.saturating_sub(at);
                if late > step {
                    gap = u64::try_from(late).unwrap_or(0);
                }
            }
            None => {}
        }
        let limit = MAX_GAP_S.saturating_mul(u64::from(input.timescale));
        RenditionError::check("the ticks without a coded unit", gap, limit)?;
        if let Some(last) = units.last_mut() {
            let gap = u32::try_from(gap).unwrap_or(u32::MAX);
            last.duration = last.duration.saturating_add(gap);
        }
        let duration = i64::from(found.unit.duration);
        at = at.saturating_add(i64::try_from(gap).unwrap_or(i64::MAX)).saturating_add(duration);
        units.push(found.unit);
    }
    if times.len() == units.len() {
        settle(&mut units, &times);
    }
    let end = input.units.end();
    Ok(Collected { units, cut: end.cut, entry: end.entry })
}

/// Decoding times for pictures that have composition times only: the same times in order, earlier
/// by so much that each picture is decoded before it is shown.
fn settle(units: &mut [Unit], times: &[i64]) {
    let mut sorted = times.to_vec();
    sorted.sort_unstable();
    let late = |(sorted, time): (&i64, &i64)| sorted.saturating_sub(*time);
    let delay = sorted.iter().zip(times).map(late).max().unwrap_or(0);
    let narrow = |value: i64| i32::try_from(value).unwrap_or(i32::MAX);
    let mut usual = 0;
    for (place, unit) in units.iter_mut().enumerate() {
        let decoded = sorted.get(place).copied().unwrap_or(0);
        let time = times.get(place).copied().unwrap_or(0);
        unit.shift = narrow(time.saturating_sub(decoded.saturating_sub(delay)));
        if let Some(next) = sorted.get(place + 1) {
            usual = u32::try_from(next.saturating_sub(decoded)).unwrap_or(u32::MAX);
        }
        unit.duration = usual;
    }
}

/// Microseconds as ticks, rounded to the nearest.
pub(super) fn ticks(micros: i64, timescale: u32) -> u64 {
    let scaled = i128::from(micros.max(0)) * i128::from(timescale) + 500_000;
    u64::try_from(scaled / 1_000_000).unwrap_or(u64::MAX)
}

/// Ticks as microseconds, rounded up.
pub(super) fn micros(ticks: u64, timescale: u32) -> u64 {
    let scaled = (u128::from(ticks) * 1_000_000).div_ceil(u128::from(timescale.max(1)));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// When each unit is decoded and shown, in ticks.
fn times(units: &[Unit]) -> impl Iterator<Item = (i64, i64, &Unit)> {
    let mut decoded = 0_i64;
    units.iter().map(move |unit| {
        let at = decoded;
        decoded = decoded.saturating_add(i64::from(unit.duration));
        (at, at.saturating_add(i64::from(unit.shift)), unit)
    })
}

/// First tick that plays, and the first after them.
pub(super) fn span(input: &Input, collected: &Collected) -> (u64, u64) {
    let earliest = times(&collected.units).map(|(_, shown, _)| shown).min().unwrap_or(0);
    let ends = times(&collected.units).map(|(_, at, unit)| at + i64::from(unit.duration));
    let positive = |ticks: i64| u64::try_from(ticks).unwrap_or(0);
    let end = positive(ends.max().unwrap_or(0)).saturating_sub(collected.cut);
    let skip = input.skip.unwrap_or_else(|| positive(earliest));
    let end = input.played.map_or(end, |played| end.min(skip.saturating_add(played)));
    (skip, end)
}

impl Track {
    /// What plays of an input whose first sample is at `start_us` of the rendition's clock; `None`
    /// when nothing does.
    pub(super) fn place(
        want: Want,
        input: Input,
        collected: Collected,
        start_us: i64,
        window: Window,
    ) -> Option<Self> {
        let scale = input.timescale;
        let (first, end) = span(&input, &collected);
        let from = first.saturating_add(ticks(window.from.saturating_sub(start_us), scale));
        let to = window
            .to
            .map_or(u64::MAX, |to| first.saturating_add(ticks(to.saturating_sub(start_us), scale)));
        let to = to.min(end);
        let played = to.checked_sub(from).filter(|played| *played > 0)?;
        let delay = start_us.saturating_sub(window.from).max(0);
        let Collected { mut units, entry, .. } = collected;
        let mut media_time = from;
        let mut left_out = 0;
        if window.to.is_some() {
            let kept = keep(&units, from, to, input.preroll)?;
            units.truncate(kept.end);
            units.drain(..kept.start.min(units.len()));
            left_out = kept.start as u64;
            media_time = from.saturating_sub(kept.base);
        }
        Some(Self {
            want,
            picture: input.picture,
            timescale: scale,
            entry: entry.unwrap_or(input.entry),
            units,
            left_out,
            media_time,
            played,
            delay_us: u64::try_from(delay).unwrap_or(0),
        })
        .filter(|track| !track.units.is_empty())
    }
}

/// Units that are kept, and the decoding time of the first.
struct Kept {
    start: usize,
    end: usize,
    base: u64,
}

/// The units around the ticks `[from, to)`, with what the first needs to be decoded.
fn keep(units: &[Unit], from: u64, to: u64, preroll: Preroll) -> Option<Kept> {
    let signed = |ticks: u64| i64::try_from(ticks).unwrap_or(i64::MAX);
    let (from, to) = (signed(from), signed(to));
    let mut start = 0;
    let mut end = 0;
    for (place, (_, shown, unit)) in times(units).enumerate() {
        if unit.sync && shown <= from {
            start = place;
        }
        if shown < to {
            end = place + 1;
        }
    }
    // First what the unit overlaps, then the reservoir of the earliest of those.
    let (mut ticks, mut bytes) = (0_u64, 0_u64);
    while start > 0 && (ticks < preroll.ticks || bytes < preroll.bytes) {
        start -= 1;
        let unit = units.get(start)?;
        if ticks < preroll.ticks {
            ticks = ticks.saturating_add(u64::from(unit.duration));
        } else {
            bytes = bytes.saturating_add(u64::from(unit.size).saturating_sub(preroll.overhead));
        }
    }
    let (base, _, _) = times(units).nth(start)?;
    Some(Kept { start, end, base: u64::try_from(base).unwrap_or(0) })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(duration: u32, shift: i32, sync: bool) -> Unit {
        Unit { size: 100, duration, shift, sync }
    }

    #[test]
    fn pictures_are_decoded_in_order_and_before_they_are_shown() {
        // I P B B P B B, of 40 ticks each.
        let times = [0, 120, 40, 80, 240, 160, 200];
        let mut units = vec![unit(0, 0, false); 7];
        settle(&mut units, &times);
        let mut decoded = -40;
        for (unit, time) in units.iter().zip(times) {
            assert!(unit.shift >= 0);
            assert_eq!((decoded + i64::from(unit.shift), unit.duration), (time, 40));
            decoded += 40;
        }
    }

    #[test]
    fn a_clip_keeps_what_its_first_unit_needs_and_no_more() {
        let sound = vec![unit(160, 0, true); 100];
        let kept = keep(&sound, 1610, 3200, Preroll::NONE).unwrap();
        assert_eq!((kept.start, kept.end, kept.base), (10, 20, 1600));
        let kept = keep(&sound, 1610, 3201, Preroll::ticks(170)).unwrap();
        assert_eq!((kept.start, kept.end), (8, 21));
        let reservoir = Preroll { ticks: 0, bytes: 150, overhead: 36 };
        assert_eq!(keep(&sound, 1610, 3201, reservoir).unwrap().start, 7);
        let both = Preroll { ticks: 160, bytes: 150, overhead: 36 };
        assert_eq!(keep(&sound, 1610, 3201, both).unwrap().start, 6);
        let pictures: Vec<Unit> = (0..100).map(|at| unit(40, 80, at % 25 == 0)).collect();
        let kept = keep(&pictures, 80 + 40 * 30, 80 + 40 * 60, Preroll::NONE).unwrap();
        assert_eq!((kept.start, kept.end, kept.base), (25, 60, 1000));
    }
}
