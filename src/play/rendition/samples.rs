//! Sound as integers, for what is encoded as FLAC.

use super::RenditionError;
use super::source::Source;
use crate::media::{MediaError, SoundFile};

/// Gives the samples of one source in order. The same source gives the same samples.
pub(super) trait Samples {
    /// 1 to 8 for FLAC.
    fn channels(&self) -> u16;

    /// In Hz.
    fn rate(&self) -> u32;

    /// Bits of each sample: 8, 16, 20 or 24.
    fn bits(&self) -> u32;

    /// Samples of each channel, where that is known beforehand.
    fn frames(&self) -> Option<u64> {
        None
    }

    /// Appends the next interleaved samples; false at the end.
    ///
    /// # Errors
    /// Malformed with the offset in the source, unsupported for what does not fit, limits, I/O.
    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError>;
}

/// How many samples of each channel there are.
pub(super) fn count(mut samples: Box<dyn Samples>) -> Result<u64, RenditionError> {
    let channels = u64::from(samples.channels().max(1));
    let (mut block, mut total) = (Vec::new(), 0_u64);
    while samples.next(&mut block)? {
        total = total.saturating_add(block.len() as u64);
        block.clear();
    }
    Ok(total / channels)
}

enum Decoder {
    /// Decoded to what its own arithmetic can hold: 16 bits.
    Lossy(SoundFile<i16>, Vec<i16>),
    /// Decoded to exactly what was coded.
    Exact(SoundFile<i32>, Vec<i32>),
}

/// What a foreign decoder gives.
pub(super) struct Foreign {
    decoder: Decoder,
    bits: u32,
}

impl Foreign {
    /// Sound of a lossy codec.
    pub(super) fn lossy(source: &Source) -> Result<Self, RenditionError> {
        let file = SoundFile::open(Box::new(source.reader()), source.bytes, source.container)?;
        Ok(Self { decoder: Decoder::Lossy(file, Vec::new()), bits: 16 })
    }

    /// Sound of a codec without loss: ALAC and PCM of `bits` bits, if the container tells them not.
    pub(super) fn exact(source: &Source, bits: Option<u32>) -> Result<Self, RenditionError> {
        let file = SoundFile::open(Box::new(source.reader()), source.bytes, source.container)?;
        let bits = match bits.or(file.bits()).unwrap_or(16) {
            ..=8 => 8,
            9..=16 => 16,
            17..=20 => 20,
            21..=24 => 24,
            more => {
                return Err(RenditionError::unsupported(format!("sound of {more} bits")));
            }
        };
        Ok(Self { decoder: Decoder::Exact(file, Vec::new()), bits })
    }
}

impl Samples for Foreign {
    fn channels(&self) -> u16 {
        match &self.decoder {
            Decoder::Lossy(file, _) => file.channels(),
            Decoder::Exact(file, _) => file.channels(),
        }
    }

    fn rate(&self) -> u32 {
        match &self.decoder {
            Decoder::Lossy(file, _) => file.rate(),
            Decoder::Exact(file, _) => file.rate(),
        }
    }

    fn bits(&self) -> u32 {
        self.bits
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        match &mut self.decoder {
            Decoder::Lossy(file, block) => {
                block.clear();
                let more = file.next(block)?;
                out.extend(block.iter().map(|sample| i32::from(*sample)));
                Ok(more)
            }
            Decoder::Exact(file, block) => {
                block.clear();
                let more = file.next(block)?;
                let spare = 32 - self.bits;
                for sample in &*block {
                    if sample.trailing_zeros() < spare {
                        let what = format!("a sample of more than {} bits", self.bits);
                        return Err(MediaError::unsupported(what).into());
                    }
                    out.push(sample >> spare);
                }
                Ok(more)
            }
        }
    }
}
