//! Sound as a WAVE file of integers, for players and programs that know nothing else.
//!
//! What an MP4 would hold as FLAC is written sample by sample as it was coded; what it would copy is
//! decoded to 16 bits, on the clock that the MP4 plays it by.

use std::ops::Range;

use super::samples::{Samples, count};
use super::source::Source;
use super::track::{MAX_UNITS, collect, span, ticks};
use super::units::{Heard, Input, Opened, Unit, Want, next_filled};
use super::{RenditionError, SourceFile, open};
use crate::asset::MediaTime;
use crate::media::PacketDecoder;

/// Length of the header in bytes.
const HEAD_BYTES: u64 = 44;
/// Longest file in bytes: its lengths have 32 bits.
const MAX_BYTES: u64 = u32::MAX as u64;
/// How many samples of silence are given at a time.
const FILL_FRAMES: u64 = 16 * 1024;
/// How far a unit may begin from the end of the one before, in parts of a second, and still follow it.
const CLOSE_PART: u64 = 50;

/// A WAVE file that can be made.
pub struct Wave {
    source: Source,
    channels: u16,
    rate: u32,
    bits: u32,
    /// The samples of each channel that are kept.
    range: Range<u64>,
}

impl Wave {
    /// Walks the sound of a file once. The clip is `[from, to)`, from its first sample on.
    ///
    /// # Errors
    /// Unsupported without sound, and for codecs that are not decoded (AMR, Opus of more than two
    /// channels); else [`RenditionError`].
    pub fn read(
        source: SourceFile,
        clip: Option<(MediaTime, MediaTime)>,
    ) -> Result<Self, RenditionError> {
        let source = Source::new(source);
        let first = sound(&source)?;
        let (channels, rate, bits) = (first.channels(), first.rate(), first.bits());
        let total = match first.frames() {
            Some(frames) => frames,
            None => count(first)?,
        };
        let range = match clip {
            None => 0..total,
            Some((from, to)) => {
                let at = |time: MediaTime| {
                    let micros = i64::try_from(time.as_micros()).unwrap_or(i64::MAX);
                    ticks(micros, rate).min(total)
                };
                let range = at(from)..at(to);
                if range.is_empty() {
                    return Err(RenditionError::OutsideClip { from, to });
                }
                range
            }
        };
        let wave = Self { source, channels, rate, bits, range };
        RenditionError::check("the length of the WAVE file in bytes", wave.len(), MAX_BYTES)?;
        Ok(wave)
    }

    fn frames(&self) -> u64 {
        self.range.end.saturating_sub(self.range.start)
    }

    /// Bytes of one sample.
    fn width(&self) -> u16 {
        u16::try_from(self.bits.div_ceil(8)).unwrap_or(2)
    }

    /// Bytes of one sample of every channel.
    fn align(&self) -> u16 {
        self.width().saturating_mul(self.channels)
    }

    /// Length of the file in bytes.
    pub fn len(&self) -> u64 {
        // A last byte makes the length of `data` even.
        let data = self.frames().saturating_mul(self.align().into());
        HEAD_BYTES.saturating_add(data).saturating_add(data & 1)
    }

    /// Whether it has no sample.
    pub fn is_empty(&self) -> bool {
        self.frames() == 0
    }

    /// How long it plays.
    pub fn duration(&self) -> MediaTime {
        MediaTime::from_micros(super::track::micros(self.frames(), self.rate))
    }

    /// Gives its bytes in order.
    ///
    /// # Errors
    /// As [`Wave::read`], and what `sink` says.
    pub fn write(
        self,
        sink: &mut dyn FnMut(&[u8]) -> std::io::Result<()>,
    ) -> Result<(), RenditionError> {
        sink(&self.head()).map_err(RenditionError::Sink)?;
        let mut samples = sound(&self.source)?;
        let channels = usize::from(self.channels).max(1);
        let (width, wanted) = (usize::from(self.width()), self.frames());
        let (mut block, mut bytes) = (Vec::new(), Vec::new());
        let (mut at, mut given) = (0_u64, 0_u64);
        while given < wanted && samples.next(&mut block)? {
            for frame in block.chunks_exact(channels) {
                if self.range.contains(&at) {
                    frame.iter().for_each(|sample| put(*sample, width, &mut bytes));
                    given = given.saturating_add(1);
                }
                at = at.saturating_add(1);
            }
            sink(&bytes).map_err(RenditionError::Sink)?;
            bytes.clear();
            block.clear();
        }
        if given != wanted {
            return Err(RenditionError::Changed { track: Want::Sound.name() });
        }
        if wanted.saturating_mul(self.align().into()) & 1 == 1 {
            sink(&[0]).map_err(RenditionError::Sink)?;
        }
        Ok(())
    }

    /// `RIFF`, `fmt ` and the head of `data`.
    fn head(&self) -> Vec<u8> {
        let (channels, rate, align) = (self.channels, self.rate, self.align());
        let data = self.frames().saturating_mul(align.into());
        let word = |value: u64| u32::try_from(value).unwrap_or(u32::MAX).to_le_bytes();
        let mut head = b"RIFF".to_vec();
        head.extend(word(self.len().saturating_sub(8)));
        head.extend(b"WAVEfmt \x10\0\0\0\x01\0");
        head.extend(channels.to_le_bytes());
        head.extend(rate.to_le_bytes());
        head.extend(rate.saturating_mul(align.into()).to_le_bytes());
        head.extend(align.to_le_bytes());
        head.extend(self.width().saturating_mul(8).to_le_bytes());
        head.extend(b"data");
        head.extend(word(data));
        head
    }
}

/// A sample as WAVE has it: little-endian, and of eight bits without a sign.
fn put(sample: i32, width: usize, out: &mut Vec<u8>) {
    let sample = if width == 1 { sample.wrapping_add(128) } else { sample };
    out.extend(sample.to_le_bytes().into_iter().take(width));
}

/// The sound of a file, from its first sample on.
fn sound(source: &Source) -> Result<Box<dyn Samples>, RenditionError> {
    match open(source, Want::Sound)? {
        Some(Opened::Decoded { samples, .. }) => Ok(samples),
        Some(Opened::Copied(first)) => {
            let Some(Opened::Copied(second)) = open(source, Want::Sound)? else {
                return Err(RenditionError::Changed { track: Want::Sound.name() });
            };
            Ok(Box::new(Units::open(first, second)?))
        }
        None => Err(RenditionError::unsupported("a file without sound")),
    }
}

/// Coded units, decoded at the places where an MP4 would play them.
struct Units {
    input: Input,
    decoder: PacketDecoder,
    channels: u16,
    rate: u32,
    units: std::vec::IntoIter<Unit>,
    /// Where the next unit begins, in ticks.
    begin: u64,
    /// Samples of each channel up to here, those outside the range included.
    at: u64,
    /// What of them plays.
    range: Range<u64>,
    waiting: Vec<f32>,
}

impl Units {
    fn open(mut first: Input, mut second: Input) -> Result<Self, RenditionError> {
        let what = || RenditionError::unsupported("decoding this codec");
        let Heard { coding, channels, rate } = second.heard.take().ok_or_else(what)?;
        let collected = collect(&mut first, &mut { MAX_UNITS })?;
        let (from, to) = span(&first, &collected);
        let scaled = |ticks| scale(ticks, rate, first.timescale);
        Ok(Self {
            decoder: PacketDecoder::open(&coding, channels, rate)?,
            range: scaled(from)..scaled(to),
            input: second,
            channels,
            rate,
            units: collected.units.into_iter(),
            begin: 0,
            at: 0,
            waiting: Vec::new(),
        })
    }

    /// Decodes the next unit; false at the end.
    fn decode(&mut self) -> Result<bool, RenditionError> {
        let Some(unit) = self.units.next() else { return Ok(false) };
        let changed = || RenditionError::Changed { track: Want::Sound.name() };
        next_filled(self.input.units.as_mut())?.ok_or_else(changed)?;
        let mut body = Vec::new();
        self.input.units.body(&mut body)?;
        self.decoder.decode(&body, 0, &mut self.waiting)?;
        self.begin = self.begin.saturating_add(unit.duration.into());
        Ok(true)
    }

    /// Appends `frames` of what waits, or of silence, as far as they play.
    fn give(&mut self, frames: u64, silent: bool, out: &mut Vec<i32>) {
        let channels = usize::from(self.channels).max(1);
        let begin = self.at;
        self.at = begin.saturating_add(frames);
        let inside = |at: u64| usize::try_from(at.clamp(begin, self.at) - begin).unwrap_or(0);
        let (from, to) = (inside(self.range.start), inside(self.range.end));
        if silent {
            out.resize(out.len().saturating_add(to.saturating_sub(from) * channels), 0);
            return;
        }
        let played = self.waiting.get(from * channels..to.max(from) * channels);
        out.extend(played.unwrap_or_default().iter().map(|sample| integer(*sample)));
        self.waiting.clear();
    }
}

impl Samples for Units {
    fn channels(&self) -> u16 {
        self.channels
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn bits(&self) -> u32 {
        16
    }

    fn frames(&self) -> Option<u64> {
        Some(self.range.end.saturating_sub(self.range.start))
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        // A unit that decoded to nothing, or a gap behind one, is silent for its time.
        let place = scale(self.begin, self.rate, self.input.timescale);
        let missing = place.saturating_sub(self.at);
        if missing > u64::from(self.rate) / CLOSE_PART {
            self.give(missing.min(FILL_FRAMES), true, out);
            return Ok(true);
        }
        if !self.decode()? {
            let rest = self.range.end.saturating_sub(self.at);
            self.give(rest.min(FILL_FRAMES), true, out);
            return Ok(rest > 0);
        }
        let frames = self.waiting.len().checked_div(usize::from(self.channels)).unwrap_or(0);
        self.give(frames as u64, false, out);
        Ok(true)
    }
}

fn scale(ticks: u64, rate: u32, timescale: u32) -> u64 {
    let scaled = u128::from(ticks) * u128::from(rate) / u128::from(timescale.max(1));
    u64::try_from(scaled).unwrap_or(u64::MAX)
}

/// A sample of full scale 1 as 16 bits.
fn integer(sample: f32) -> i32 {
    #[expect(clippy::cast_possible_truncation, reason = "between the ends of 16 bits")]
    let rounded = (f64::from(sample) * 32768.0).round().clamp(-32768.0, 32767.0) as i32;
    rounded
}
