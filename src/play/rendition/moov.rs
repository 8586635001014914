//! The index of the rendition (ISO 14496-12 section 8): everything before the media.

use super::boxes::Bytes;
use super::plan::Chunk;
use super::track::{Track, micros};
use super::units::{Unit, Want};
use crate::media::mp4::{Run, append};

/// No rotation (section 6.2.2).
const MATRIX: [u32; 9] = [0x1_0000, 0, 0, 0, 0x1_0000, 0, 0, 0, 0x4000_0000];
/// `und`, in three groups of five bits.
const UNDETERMINED: u16 = 0x55C4;
/// Enabled, in the movie and in its preview.
const TRACK_FLAGS: u32 = 7;

/// The movie's clock: that of the sound, so that its edits are exact.
pub(super) struct Movie<'a> {
    pub(super) tracks: &'a [Track],
    /// Where each track's chunks begin in the file. Invariant: one list for each track.
    pub(super) chunks: &'a [Vec<Chunk>],
    pub(super) timescale: u32,
    /// Whether offsets need 64 bits.
    pub(super) wide: bool,
}

/// `ftyp`: what a reader must know (section 4.3).
pub(super) fn ftyp(out: &mut Bytes) {
    out.part(b"ftyp", |out| {
        out.put(b"isom").u32(0x200).put(b"isomiso2avc1mp41");
    });
}

impl Movie<'_> {
    /// A time in ticks of a track, rounded to the nearest tick of the movie.
    fn scaled(&self, ticks: u64, timescale: u32) -> u64 {
        let scale = u128::from(timescale.max(1));
        let value = (u128::from(ticks) * u128::from(self.timescale) + scale / 2) / scale;
        u64::try_from(value).unwrap_or(u64::MAX)
    }

    fn delay(&self, track: &Track) -> u64 {
        self.scaled(track.delay_us, 1_000_000)
    }

    fn duration(&self, track: &Track) -> u64 {
        self.delay(track).saturating_add(self.scaled(track.played, track.timescale))
    }

    /// Writes `moov`. Its length is the same for all offsets.
    pub(super) fn write(&self, out: &mut Bytes) {
        let longest = self.tracks.iter().map(|track| self.duration(track)).max().unwrap_or(0);
        out.part(b"moov", |out| {
            let wide = is_wide(longest);
            out.full(b"mvhd", (u8::from(wide), 0), |out| {
                times(out, wide).u32(self.timescale).number(wide, longest);
                out.u32(0x1_0000).u16(0x100).zeros(10);
                matrix(out).zeros(24);
                out.u32(u32::try_from(self.tracks.len()).unwrap_or(0) + 1);
            });
            for ((track, chunks), id) in self.tracks.iter().zip(self.chunks).zip(1_u32..) {
                out.part(b"trak", |out| self.trak(out, track, chunks, id));
            }
        });
    }

    fn trak(&self, out: &mut Bytes, track: &Track, chunks: &[Chunk], id: u32) {
        let duration = self.duration(track);
        let wide = is_wide(duration);
        out.full(b"tkhd", (u8::from(wide), TRACK_FLAGS), |out| {
            times(out, wide).u32(id).u32(0).number(wide, duration).zeros(8);
            // Layer, group, volume.
            out.u16(0).u16(0).u16(if track.picture.is_some() { 0 } else { 0x100 }).u16(0);
            let (width, height) = track.picture.unwrap_or((0, 0));
            matrix(out).u32(u32::from(width) << 16).u32(u32::from(height) << 16);
        });
        out.part(b"edts", |out| self.elst(out, track));
        out.part(b"mdia", |out| {
            let duration = track.units.iter().map(|unit| u64::from(unit.duration)).sum();
            let wide = is_wide(duration);
            out.full(b"mdhd", (u8::from(wide), 0), |out| {
                times(out, wide).u32(track.timescale).number(wide, duration);
                out.u16(UNDETERMINED).u16(0);
            });
            let (handler, name) = match track.want {
                Want::Sound => (b"soun", &b"sound\0"[..]),
                Want::Picture => (b"vide", &b"picture\0"[..]),
            };
            out.full(b"hdlr", (0, 0), |out| {
                out.u32(0).put(handler).zeros(12).put(name);
            });
            out.part(b"minf", |out| {
                match track.want {
                    Want::Sound => out.full(b"smhd", (0, 0), |out| {
                        out.zeros(4);
                    }),
                    Want::Picture => out.full(b"vmhd", (0, 1), |out| {
                        out.zeros(8);
                    }),
                };
                out.part(b"dinf", |out| {
                    out.full(b"dref", (0, 0), |out| {
                        // The media is in this file.
                        out.u32(1).full(b"url ", (0, 1), |_| {});
                    });
                });
                out.part(b"stbl", |out| self.stbl(out, track, chunks));
            });
        });
    }

    /// A pause, then the media.
    fn elst(&self, out: &mut Bytes, track: &Track) {
        let delay = self.delay(track);
        let played = self.scaled(track.played, track.timescale);
        let media_time = track.media_time;
        let wide = is_wide(delay.max(played)) || media_time > i32::MAX as u64;
        out.full(b"elst", (u8::from(wide), 0), |out| {
            out.u32(if delay > 0 { 2 } else { 1 });
            if delay > 0 {
                let none = if wide { u64::MAX } else { u64::from(u32::MAX) };
                out.number(wide, delay).number(wide, none).u32(0x1_0000);
            }
            out.number(wide, played).number(wide, media_time).u32(0x1_0000);
        });
    }

    fn stbl(&self, out: &mut Bytes, track: &Track, chunks: &[Chunk]) {
        let units = &track.units;
        out.full(b"stsd", (0, 0), |out| {
            out.u32(1).put(&track.entry);
        });
        let durations = runs(units, |unit| unit.duration);
        table(out, b"stts", 0, &durations, |out, run| {
            out.u32(run.count).u32(run.value);
        });
        if units.iter().any(|unit| unit.shift != 0) {
            let shifts = runs(units, |unit| unit.shift);
            let signed = shifts.iter().any(|run| run.value < 0);
            table(out, b"ctts", u8::from(signed), &shifts, |out, run| {
                out.u32(run.count).u32(run.value.cast_unsigned());
            });
        }
        if units.iter().any(|unit| !unit.sync) {
            let synced = units.iter().zip(1_u32..).filter(|(unit, _)| unit.sync);
            let numbers: Vec<u32> = synced.map(|(_, number)| number).collect();
            table(out, b"stss", 0, &numbers, |out, number| {
                out.u32(*number);
            });
        }
        let mut in_chunks: Vec<(u32, u32)> = Vec::new();
        for (chunk, number) in chunks.iter().zip(1_u32..) {
            if in_chunks.last().is_none_or(|(_, units)| *units != chunk.units) {
                in_chunks.push((number, chunk.units));
            }
        }
        table(out, b"stsc", 0, &in_chunks, |out, (first, units)| {
            out.u32(*first).u32(*units).u32(1);
        });
        out.full(b"stsz", (0, 0), |out| {
            out.u32(0).u32(u32::try_from(units.len()).unwrap_or(u32::MAX));
            for unit in units {
                out.u32(unit.size);
            }
        });
        let kind = if self.wide { b"co64" } else { b"stco" };
        table(out, kind, 0, chunks, |out, chunk| {
            out.number(self.wide, chunk.offset);
        });
    }

    /// How long the longest track plays, in microseconds.
    pub(super) fn duration_us(&self) -> u64 {
        let end =
            |track: &Track| track.delay_us.saturating_add(micros(track.played, track.timescale));
        self.tracks.iter().map(end).max().unwrap_or(0)
    }
}

const fn is_wide(value: u64) -> bool {
    value >= u32::MAX as u64
}

/// Creation and modification: not told, so that the same input gives the same bytes.
fn times(out: &mut Bytes, wide: bool) -> &mut Bytes {
    out.number(wide, 0).number(wide, 0)
}

fn matrix(out: &mut Bytes) -> &mut Bytes {
    MATRIX.iter().fold(out, |out, value| out.u32(*value))
}

fn runs<T: PartialEq>(units: &[Unit], value: impl Fn(&Unit) -> T) -> Vec<Run<T>> {
    let mut found = Vec::new();
    for unit in units {
        append(&mut found, value(unit));
    }
    found
}

/// A full box of a count and entries.
fn table<T>(
    out: &mut Bytes,
    kind: &[u8; 4],
    version: u8,
    entries: &[T],
    write: impl Fn(&mut Bytes, &T),
) {
    out.full(kind, (version, 0), |out| {
        out.u32(u32::try_from(entries.len()).unwrap_or(u32::MAX));
        for entry in entries {
            write(out, entry);
        }
    });
}
