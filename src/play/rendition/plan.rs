//! The two passes: what is in the file and how long it is, then its bytes.

use std::io;

use super::boxes::Bytes;
use super::encode::encoded_part;
use super::moov::{Movie, ftyp};
use super::source::Source;
use super::track::{MAX_UNITS, Track, Window, collect, ticks};
use super::units::{Input, Opened, Want, next_filled};
use super::{RenditionError, Sources, open};
use crate::asset::MediaTime;

/// How long a chunk of one track plays at least, but for its last.
const CHUNK_US: u64 = 1_000_000;
/// How many bytes end a chunk early.
const CHUNK_BYTES: u64 = 4 * 1024 * 1024;
/// How much is passed on at a time, at least.
const PASS_BYTES: usize = 64 * 1024;

/// Units of one track that lie together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Chunk {
    pub(super) units: u32,
    pub(super) bytes: u64,
    /// When it plays, for the order of chunks.
    at_us: u64,
    /// Where it begins in the file.
    pub(super) offset: u64,
}

/// How a track's units are found again.
struct Again {
    want: Want,
    source: Source,
    /// What was encoded of a decoded track, in its own microseconds.
    range: Option<(i64, Option<i64>)>,
    left_out: u64,
}

/// A rendition that is ready to be written.
pub struct Plan {
    head: Vec<u8>,
    tracks: Vec<Again>,
    /// Track and chunk, in the order of the file.
    order: Vec<(usize, Chunk)>,
    len: u64,
    duration: MediaTime,
    picture: bool,
}

/// A track that is to be placed.
struct Part {
    want: Want,
    source: Source,
    opened: Opened,
    /// When its first sample plays on the clock of the clip.
    start_us: i64,
}

impl Plan {
    /// Reads the sources once, and tells what the file will be.
    ///
    /// # Errors
    /// [`RenditionError`]; nothing was written.
    pub fn read(recipe: Sources) -> Result<Self, RenditionError> {
        let clip = recipe.clip;
        let parts = parts(recipe)?;
        let earliest = parts.iter().map(|part| part.start_us).min();
        let signed = |time: MediaTime| i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
        let window = match clip {
            Some((from, to)) => Window { from: signed(from), to: Some(signed(to)) },
            None => Window { from: earliest.ok_or(RenditionError::Empty)?, to: None },
        };
        let (mut tracks, mut again, mut budget) = (Vec::new(), Vec::new(), MAX_UNITS);
        for part in parts {
            if let Some((track, way)) = place(part, window, &mut budget)? {
                tracks.push(track);
                again.push(way);
            }
        }
        if tracks.is_empty() {
            return Err(clip.map_or(RenditionError::Empty, |(from, to)| {
                RenditionError::OutsideClip { from, to }
            }));
        }
        Ok(Self::lay_out(&tracks, again))
    }

    fn lay_out(tracks: &[Track], again: Vec<Again>) -> Self {
        let mut chunks: Vec<Vec<Chunk>> = tracks.iter().map(chunks).collect();
        let sound = tracks.iter().find(|track| track.want == Want::Sound).or(tracks.first());
        let timescale = sound.map_or(1000, |track| track.timescale);
        let media: u64 = chunks.iter().flatten().map(|chunk| chunk.bytes).sum();
        let mut order: Vec<(usize, usize, u64)> = Vec::new();
        for (track, list) in chunks.iter().enumerate() {
            order.extend(list.iter().enumerate().map(|(place, chunk)| (track, place, chunk.at_us)));
        }
        order.sort_by_key(|(track, place, at)| (*at, *track, *place));
        let write = |chunks: &[Vec<Chunk>], wide: bool| {
            let movie = Movie { tracks, chunks, timescale, wide };
            let mut out = Bytes::default();
            ftyp(&mut out);
            movie.write(&mut out);
            mdat(&mut out, media);
            (out.0, movie.duration_us())
        };
        // The index is as long whatever its offsets are, so it is written to be measured first.
        let narrow = write(&chunks, false).0.len() as u64;
        let wide = narrow.saturating_add(media) > u64::from(u32::MAX);
        let mut at = if wide { write(&chunks, true).0.len() as u64 } else { narrow };
        for (track, place, _) in &order {
            if let Some(chunk) = chunks.get_mut(*track).and_then(|list| list.get_mut(*place)) {
                chunk.offset = at;
                at = at.saturating_add(chunk.bytes);
            }
        }
        let (head, duration_us) = write(&chunks, wide);
        let chunk = |(track, place, _): &(usize, usize, u64)| {
            Some((*track, *chunks.get(*track)?.get(*place)?))
        };
        Self {
            head,
            order: order.iter().filter_map(chunk).collect(),
            tracks: again,
            len: at,
            duration: MediaTime::from_micros(duration_us),
            picture: tracks.iter().any(|track| track.picture.is_some()),
        }
    }

    /// Length of the file in bytes; never 0.
    #[expect(clippy::len_without_is_empty, reason = "no plan is empty")]
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// How long it plays.
    pub const fn duration(&self) -> MediaTime {
        self.duration
    }

    /// Whether it has pictures.
    pub const fn has_picture(&self) -> bool {
        self.picture
    }

    /// Reads the sources again, and gives the file in order: exactly [`Plan::len`] bytes, the same
    /// for the same recipe.
    ///
    /// # Errors
    /// [`RenditionError::Changed`] when the source gives other bytes than before, and
    /// [`RenditionError::Sink`]; what was given until then is no file.
    pub fn write(
        self,
        sink: &mut dyn FnMut(&[u8]) -> io::Result<()>,
    ) -> Result<(), RenditionError> {
        let mut inputs = Vec::new();
        for way in &self.tracks {
            inputs.push((way.want, way.open()?));
        }
        let mut waiting = self.head;
        for (track, chunk) in &self.order {
            let Some((want, input)) = inputs.get_mut(*track) else { continue };
            let changed = || RenditionError::Changed { track: want.name() };
            let mut left = chunk.bytes;
            for _ in 0..chunk.units {
                let found = next_filled(input.units.as_mut())?;
                let (found, _) = found.ok_or_else(changed)?;
                let before = waiting.len();
                input.units.body(&mut waiting)?;
                let got = (waiting.len() - before) as u64;
                let same = got == u64::from(found.unit.size);
                left = left.checked_sub(got).filter(|_| same).ok_or_else(changed)?;
                if waiting.len() >= PASS_BYTES {
                    sink(&waiting).map_err(RenditionError::Sink)?;
                    waiting.clear();
                }
            }
            if left > 0 {
                return Err(changed());
            }
        }
        sink(&waiting).map_err(RenditionError::Sink)
    }
}

/// What a recipe is made of, and when each part begins.
fn parts(recipe: Sources) -> Result<Vec<Part>, RenditionError> {
    let Sources { voice, screen, screen_offset_us, clip: _ } = recipe;
    let mut parts = Vec::new();
    let has_voice = voice.is_some();
    if let Some(voice) = voice {
        let source = Source::new(voice);
        let what = || RenditionError::unsupported("a voice file without sound");
        let opened = open(&source, Want::Sound)?.ok_or_else(what)?;
        parts.push(Part { want: Want::Sound, source, opened, start_us: 0 });
    }
    if let Some(screen) = screen {
        let source = Source::new(screen);
        let picture = open(&source, Want::Picture)?;
        if has_voice {
            let what = || RenditionError::unsupported("a screen file without pictures");
            let opened = picture.ok_or_else(what)?;
            let start_us = screen_offset_us;
            parts.push(Part { want: Want::Picture, source, opened, start_us });
        } else {
            let first = picture.as_ref().map(Opened::first_us);
            let sound = open(&source, Want::Sound)?;
            let origin = first.or(sound.as_ref().map(Opened::first_us)).unwrap_or(0);
            for (want, opened) in [(Want::Picture, picture), (Want::Sound, sound)] {
                let Some(opened) = opened else { continue };
                let start_us = opened.first_us().saturating_sub(origin);
                parts.push(Part { want, source: source.clone(), opened, start_us });
            }
        }
    }
    if parts.is_empty() { Err(RenditionError::Empty) } else { Ok(parts) }
}

/// Reads a part's units, and keeps those in the window; `None` when there are none.
fn place(
    part: Part,
    window: Window,
    budget: &mut u64,
) -> Result<Option<(Track, Again)>, RenditionError> {
    let Part { want, source, opened, start_us } = part;
    let (mut input, window, start_us, range) = match opened {
        Opened::Copied(input) => (input, window, start_us, None),
        Opened::Decoded { samples, .. } => {
            // Only what is in the window is encoded, so that nothing is left to be cut.
            let from = window.from.saturating_sub(start_us).max(0);
            let to = window.to.map(|to| to.saturating_sub(start_us));
            let input = encoded_part(samples, (from, to))?;
            let whole = Window { to: None, ..window };
            (input, whole, start_us.max(window.from), Some((from, to)))
        }
    };
    let collected = collect(&mut input, budget)?;
    if collected.units.is_empty() {
        return Ok(None);
    }
    let Some(track) = Track::place(want, input, collected, start_us, window) else {
        return Ok(None);
    };
    let left_out = track.left_out;
    Ok(Some((track, Again { want, source, range, left_out })))
}

impl Again {
    /// Opens the track at its first unit.
    fn open(&self) -> Result<Input, RenditionError> {
        let changed = || RenditionError::Changed { track: self.want.name() };
        let opened = open(&self.source, self.want)?.ok_or_else(changed)?;
        let mut input = match (opened, self.range) {
            (Opened::Copied(input), None) => input,
            (Opened::Decoded { samples, .. }, Some(range)) => encoded_part(samples, range)?,
            _ => return Err(changed()),
        };
        for _ in 0..self.left_out {
            next_filled(input.units.as_mut())?.ok_or_else(changed)?;
        }
        Ok(input)
    }
}

/// The chunks of a track, about a second each.
fn chunks(track: &Track) -> Vec<Chunk> {
    let most = ticks(i64::try_from(CHUNK_US).unwrap_or(i64::MAX), track.timescale);
    let mut found: Vec<Chunk> = Vec::new();
    let (mut at, mut begun) = (0_u64, 0_u64);
    for unit in &track.units {
        let played = at.saturating_sub(begun);
        let size = u64::from(unit.size);
        match found.last_mut().filter(|last| played < most && last.bytes < CHUNK_BYTES) {
            Some(last) => {
                last.units += 1;
                last.bytes = last.bytes.saturating_add(size);
            }
            None => {
                begun = at;
                let early = at.saturating_sub(track.media_time);
                let at_us = super::track::micros(early, track.timescale);
                let at_us = at_us.saturating_add(track.delay_us);
                found.push(Chunk { units: 1, bytes: size, at_us, offset: 0 });
            }
        }
        at = at.saturating_add(u64::from(unit.duration));
    }
    found
}

/// The header of the media.
fn mdat(out: &mut Bytes, media: u64) {
    match u32::try_from(media.saturating_add(8)) {
        Ok(len) => out.u32(len).put(b"mdat"),
        Err(_) => out.u32(1).put(b"mdat").u64(media.saturating_add(16)),
    };
}

#[cfg(test)]
mod tests {
    use super::super::units::Unit;
    use super::*;

    fn track(sizes: &[u32]) -> Track {
        let unit = |size: &u32| Unit { size: *size, duration: 600, shift: 0, sync: true };
        Track {
            want: Want::Sound,
            picture: None,
            timescale: 1000,
            entry: vec![0; 36],
            units: sizes.iter().map(unit).collect(),
            left_out: 0,
            media_time: 0,
            played: 600 * sizes.len() as u64,
            delay_us: 0,
        }
    }

    /// The payload of the first box of a kind, wherever it is.
    fn payload<'a>(head: &'a [u8], kind: &[u8; 4]) -> Option<&'a [u8]> {
        let at = head.windows(4).position(|window| window == kind)?;
        Some(&head[at + 4..])
    }

    #[test]
    fn offsets_are_as_wide_as_the_file_needs() {
        let small = Plan::lay_out(&[track(&[10, 20, 30, 40, 50])], Vec::new());
        assert_eq!(small.len(), small.head.len() as u64 + 150);
        let first = u32::try_from(small.head.len()).unwrap();
        // Two units last longer than a second.
        let stco = payload(&small.head, b"stco").unwrap();
        let offsets = [first, first + 30, first + 100];
        assert_eq!(stco[8..20], offsets.map(u32::to_be_bytes).concat());
        assert_eq!(payload(&small.head, b"mdat").unwrap(), b"");
        let large = Plan::lay_out(&[track(&[2_000_000_000; 3])], Vec::new());
        let head = large.head.len() as u64;
        assert_eq!(large.len(), head + 6_000_000_000);
        let offsets = [head, head + 2_000_000_000, head + 4_000_000_000];
        let co64 = payload(&large.head, b"co64").unwrap();
        assert_eq!(co64[8..32], offsets.map(u64::to_be_bytes).concat());
        let mdat = payload(&large.head, b"mdat").unwrap();
        assert_eq!(mdat, 6_000_000_016_u64.to_be_bytes());
        assert_eq!(large.duration(), MediaTime::from_millis(1800));
    }
}
