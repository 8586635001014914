//! FLAC, frame by frame (RFC 9639).

use std::ops::Range;

use flacenc::bitsink::MemSink;
use flacenc::component::{BitRepr, StreamInfo};
use flacenc::config::Encoder as Config;
use flacenc::encode_fixed_size_frame;
use flacenc::error::{Verified, Verify};
use flacenc::source::{Fill, FrameBuf};
use md5::{Digest as _, Md5};

use super::RenditionError;
use super::entry;
use super::framed::{STREAMINFO_BYTES, sound_input};
use super::samples::Samples;
use super::track::ticks;
use super::units::{End, Found, Input, Unit, Units};

/// Most channels that FLAC has.
const MAX_CHANNELS: u64 = 8;
/// Highest sampling rate in Hz that the encoder takes.
const MAX_RATE: u64 = 96_000;
/// Sampling rates up to this one have short blocks.
const LOW_RATE: u32 = 16_000;

/// Encodes the samples `[from, to)` of each channel.
struct FlacUnits {
    samples: Box<dyn Samples>,
    range: Range<u64>,
    block: usize,
    config: Verified<Config>,
    info: StreamInfo,
    /// Interleaved samples that wait.
    waiting: Vec<i32>,
    /// Samples of each channel that came from the source.
    read: u64,
    ended: bool,
    number: usize,
    total: u64,
    /// Shortest and longest frame in bytes.
    sizes: Option<(u32, u32)>,
    md5: Md5,
    body: Vec<u8>,
}

/// A track of FLAC made of `samples` from one microsecond up to another, or to their end.
pub(super) fn encoded_part(
    samples: Box<dyn Samples>,
    (from, to): (i64, Option<i64>),
) -> Result<Input, RenditionError> {
    let rate = samples.rate();
    let end = to.map_or(u64::MAX, |to| ticks(to, rate));
    encoded(samples, ticks(from, rate)..end)
}

/// A track of FLAC made of `samples`, of which `[from, to)` of each channel are taken.
fn encoded(samples: Box<dyn Samples>, range: Range<u64>) -> Result<Input, RenditionError> {
    let (channels, rate, bits) = (samples.channels(), samples.rate(), samples.bits());
    RenditionError::check("the number of channels", u64::from(channels), MAX_CHANNELS)?;
    RenditionError::check("the sampling rate", u64::from(rate), MAX_RATE)?;
    let usizes = (usize::try_from(rate), usize::from(channels), usize::try_from(bits));
    let (Ok(hertz), count, Ok(width)) = usizes else {
        return Err(RenditionError::unsupported("this sampling rate"));
    };
    let info = StreamInfo::new(hertz, count, width).map_err(failed)?;
    let config = Config::default().into_verified().map_err(|(_, error)| failed(error))?;
    let units = FlacUnits {
        samples,
        range,
        block: if rate <= LOW_RATE { 1152 } else { 4096 },
        config,
        info,
        waiting: Vec::new(),
        read: 0,
        ended: false,
        number: 0,
        total: 0,
        sizes: None,
        md5: Md5::new(),
        body: Vec::new(),
    };
    Ok(sound_input((channels, rate), Vec::new(), Box::new(units), None))
}

fn failed(error: impl std::fmt::Display) -> RenditionError {
    RenditionError::Encoder { detail: error.to_string() }
}

impl FlacUnits {
    /// Reads until a block waits, or the end.
    fn fill(&mut self) -> Result<(), RenditionError> {
        let channels = usize::from(self.samples.channels()).max(1);
        while !self.ended && self.waiting.len() < self.block * channels {
            let had = self.waiting.len();
            self.ended = !self.samples.next(&mut self.waiting)?;
            let got = (self.waiting.len() - had) / channels;
            let from = self.read;
            self.read = from.saturating_add(got as u64);
            let place = |sample: u64| {
                let inside = usize::try_from(sample.saturating_sub(from)).unwrap_or(got);
                had + inside.min(got) * channels
            };
            self.waiting.truncate(place(self.range.end));
            let before = place(self.range.start).min(self.waiting.len());
            self.waiting.drain(had.min(before)..before);
            self.ended |= self.read >= self.range.end;
        }
        Ok(())
    }

    /// Encodes a block of interleaved samples.
    fn encode(&mut self, block: &[i32]) -> Result<Vec<u8>, RenditionError> {
        let mut buffer = FrameBuf::with_size(self.info.channels(), self.block).map_err(failed)?;
        buffer.fill_interleaved(block).map_err(failed)?;
        let frame = encode_fixed_size_frame(&self.config, &buffer, self.number, &self.info);
        let frame = frame.map_err(failed)?;
        let mut sink = MemSink::<u8>::new();
        frame.write(&mut sink).map_err(failed)?;
        Ok(sink.into_inner())
    }

    /// The digest is of the samples as little-endian integers of whole bytes.
    fn digest(&mut self, block: &[i32]) {
        let width = self.info.bits_per_sample().div_ceil(8);
        let bytes: Vec<u8> =
            block.iter().flat_map(|sample| sample.to_le_bytes().into_iter().take(width)).collect();
        self.md5.update(&bytes);
    }
}

impl Units for FlacUnits {
    fn next(&mut self) -> Result<Option<Found>, RenditionError> {
        self.fill()?;
        let channels = usize::from(self.samples.channels()).max(1);
        let count = self.waiting.len().min(self.block * channels);
        if count < channels {
            return Ok(None);
        }
        let block: Vec<i32> = self.waiting.drain(..count).collect();
        self.body = self.encode(&block)?;
        self.digest(&block);
        self.number += 1;
        let frames = count / channels;
        self.total = self.total.saturating_add(frames as u64);
        let unit = Unit::sound(self.body.len(), u32::try_from(frames).unwrap_or(0));
        let (shortest, longest) = self.sizes.unwrap_or((unit.size, unit.size));
        self.sizes = Some((shortest.min(unit.size), longest.max(unit.size)));
        Ok(Some(unit.into()))
    }

    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError> {
        out.extend_from_slice(&self.body);
        Ok(())
    }

    /// STREAMINFO, RFC 9639 section 8.2.
    fn end(&self) -> End {
        let (channels, bits) = (self.samples.channels(), self.samples.bits());
        let rate = self.samples.rate();
        let block = u16::try_from(self.block).unwrap_or(u16::MAX).to_be_bytes();
        let size = |size: u32| size.min(0xFF_FFFF).to_be_bytes().into_iter().skip(1);
        let (shortest, longest) = self.sizes.unwrap_or((0, 0));
        let facts = u64::from(rate) << 44
            | u64::from(channels.saturating_sub(1)) << 41
            | u64::from(bits.saturating_sub(1)) << 36
            | (self.total & 0xF_FFFF_FFFF);
        let mut info = Vec::with_capacity(STREAMINFO_BYTES);
        info.extend(block.into_iter().chain(block));
        info.extend(size(shortest).chain(size(longest)));
        info.extend(facts.to_be_bytes());
        info.extend(self.md5.clone().finalize());
        let bits = u16::try_from(bits).unwrap_or(16);
        End { cut: 0, entry: Some(entry::flac(&info, channels, rate, bits)) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Ramp(u32, u64);

    impl Samples for Ramp {
        fn channels(&self) -> u16 {
            2
        }

        fn rate(&self) -> u32 {
            8000
        }

        fn bits(&self) -> u32 {
            16
        }

        fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
            let count = self.1.min(700);
            for _ in 0..count {
                self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                out.extend([i32::from((self.0 >> 16) as u16 as i16), 5]);
            }
            self.1 -= count;
            Ok(count > 0)
        }
    }

    /// Durations of the frames of a range.
    fn durations(total: u64, range: Range<u64>) -> Vec<u32> {
        let mut input = encoded(Box::new(Ramp(1, total)), range).unwrap();
        let mut found = Vec::new();
        while let Some(unit) = input.units.next().unwrap() {
            let mut body = Vec::new();
            input.units.body(&mut body).unwrap();
            assert_eq!((body.len() as u32, &body[..2]), (unit.unit.size, &[0xFF, 0xF8][..]));
            let header = crate::media::FrameHeader::parse(&body).expect("a whole header");
            assert_eq!(header.block_size, unit.unit.duration);
            assert_eq!(crate::media::crc16(0, &body), 0);
            found.push(unit.unit.duration);
        }
        found
    }

    #[test]
    fn blocks_hold_exactly_the_samples_that_are_asked_for() {
        assert_eq!(durations(3000, 0..u64::MAX), [1152, 1152, 696]);
        assert_eq!(durations(3000, 700..1400), [700]);
        assert_eq!(durations(3000, 699..2900), [1152, 1049]);
        assert!(durations(3000, 3000..4000).is_empty());
        for last in 1..70 {
            assert_eq!(durations(1152 + last, 0..u64::MAX), [1152, last as u32]);
        }
    }
}
