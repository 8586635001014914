//! PCM and G.711 in blocks: silenced sample by sample, as in WAVE.

use super::guide::unmasked;
use crate::mask::MaskError;
use crate::mask::ticks::TickSpans;
use crate::mask::unit::{Reach, UnitFault};
use crate::media::matroska::TrackEntry;
use crate::media::{ByteOrder, Encoding, MAX_CHANNELS};

/// Bytes of `WAVEFORMATEX` that are read: up to and including the bits per sample.
const FORMAT_BYTES: usize = 16;

/// How the samples of a track lie in its blocks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pcm {
    /// Bytes of one sample of every channel. Invariant: not 0.
    align: usize,
    silence: u8,
}

impl Pcm {
    /// The layout of a track with a PCM or `A_MS/ACM` codec; `None` for any other codec.
    ///
    /// # Errors
    /// Quarantine for a format that cannot be silenced sample by sample.
    pub(super) fn of(entry: &TrackEntry) -> Result<Option<Self>, MaskError> {
        let bits = u16::try_from(entry.audio.bit_depth).unwrap_or(0);
        let encoding = match entry.codec_id.as_str() {
            "A_PCM/INT/LIT" => Encoding::of_samples(1, bits),
            // Silence is the same in either byte order.
            "A_PCM/INT/BIG" if bits > 8 => Encoding::of_samples(1, bits),
            "A_PCM/FLOAT/IEEE" => Encoding::of_samples(3, bits),
            "A_MS/ACM" => wave_format(entry)?,
            _ => return Ok(None),
        };
        let sample = encoding.sample_bytes().zip(encoding.silence());
        let channels = u16::try_from(entry.audio.channels).unwrap_or(0);
        match sample {
            Some((bytes, silence)) if (1..=MAX_CHANNELS).contains(&channels) => {
                let align = usize::from(bytes).saturating_mul(usize::from(channels));
                Ok(Some(Self { align, silence }))
            }
            _ => Err(unmasked(entry, &encoding.name(ByteOrder::Little))),
        }
    }

    /// How many samples of every channel `unit` has.
    ///
    /// # Errors
    /// [`UnitFault`] when it ends inside one.
    pub(super) fn ticks(self, unit: &[u8]) -> Result<u64, UnitFault> {
        if !unit.len().is_multiple_of(self.align) {
            return Err(UnitFault::Malformed("a block that ends inside a sample"));
        }
        Ok((unit.len() / self.align) as u64)
    }

    /// Silences the samples of `unit`, whose first is tick `from`, that lie in a span; true when
    /// there are any.
    pub(super) fn silence(self, unit: &mut [u8], from: u64, spans: &TickSpans) -> bool {
        let mut any = false;
        for (sample, tick) in unit.chunks_mut(self.align).zip(from..) {
            if spans.touch(tick, tick.saturating_add(1), Reach::default()) {
                sample.fill(self.silence);
                any = true;
            }
        }
        any
    }

    /// Whether `masked` is `unit` but for silence in the spans; told byte by byte.
    pub(super) fn holds(self, unit: &[u8], masked: &[u8], from: u64, spans: &TickSpans) -> bool {
        let holds = |(index, (before, after)): (usize, (&u8, &u8))| {
            let tick = from.saturating_add((index / self.align) as u64);
            let silent = spans.touch(tick, tick.saturating_add(1), Reach::default());
            *after == if silent { self.silence } else { *before }
        };
        unit.len() == masked.len() && unit.iter().zip(masked).enumerate().all(holds)
    }
}

/// The encoding that the `WAVEFORMATEX` in `CodecPrivate` says.
fn wave_format(entry: &TrackEntry) -> Result<Encoding, MaskError> {
    let format = entry.codec_private.first_chunk::<FORMAT_BYTES>();
    let Some(&[tag, tag_high, channels, channels_high, .., bits, bits_high]) = format else {
        return Err(unmasked(entry, "no wave format"));
    };
    let channels = u16::from_le_bytes([channels, channels_high]);
    if u64::from(channels) != entry.audio.channels {
        return Err(unmasked(entry, "two counts of channels"));
    }
    let bits = u16::from_le_bytes([bits, bits_high]);
    Ok(Encoding::of_samples(u16::from_le_bytes([tag, tag_high]), bits))
}
