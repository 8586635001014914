//! WAVE: PCM, G.711 and ADPCM as integers.

use std::io::{Read, Seek, SeekFrom};

use super::RenditionError;
use super::samples::Samples;
use super::source::{Reader, Source};
use super::telephony::Packed;
use super::units::{Opened, Want};
use crate::media::mp4::{Cursor, SampleTable, Sizes};
use crate::media::{ByteOrder, Coding, Container, Encoding, MediaError, PacketDecoder, WavLayout};

/// Frames that are read at a time.
const BLOCK_FRAMES: u64 = 4096;

/// Opens a WAVE file: MP3 in it is copied, anything else decoded.
pub(super) fn open(source: &Source, want: Want) -> Result<Option<Opened>, RenditionError> {
    if want == Want::Picture {
        return Ok(None);
    }
    let mut reader = source.reader();
    let layout = WavLayout::read(&mut reader, source.bytes)?;
    if layout.encoding == Encoding::Mp3 {
        let inside = source.section(layout.data_offset, layout.data_len, Container::Mp3);
        return super::framed::mp3(&inside).map(Some);
    }
    if layout.frames == 0 {
        return Err(MediaError::malformed("no media frames", layout.data_offset).into());
    }
    Ok(Some(match layout.encoding {
        Encoding::ImaAdpcm | Encoding::MsAdpcm => Opened::decoded(Adpcm::open(source, layout)?),
        Encoding::Gsm | Encoding::G722 => Opened::decoded(Packed::open(source, layout)?),
        _ => Opened::decoded(Pcm::open(source, layout)?),
    }))
}

/// Sound that is coded sample by sample.
struct Pcm {
    reader: Reader,
    layout: WavLayout,
    bits: u32,
    /// Frames that were given.
    done: u64,
}

impl Pcm {
    fn open(source: &Source, layout: WavLayout) -> Result<Self, RenditionError> {
        let bits = match layout.encoding {
            Encoding::PcmU8 => 8,
            Encoding::Pcm16 | Encoding::ALaw | Encoding::MuLaw => 16,
            Encoding::Pcm24 | Encoding::Pcm32 | Encoding::Float32 | Encoding::Float64 => 24,
            _ => {
                let name = layout.encoding.name(layout.byte_order);
                return Err(RenditionError::unsupported(format!("{name} in WAVE")));
            }
        };
        let mut reader = source.reader();
        reader.seek(SeekFrom::Start(layout.data_offset))?;
        Ok(Self { reader, layout, bits, done: 0 })
    }
}

impl Samples for Pcm {
    fn channels(&self) -> u16 {
        self.layout.channels
    }

    fn rate(&self) -> u32 {
        self.layout.sample_rate
    }

    fn bits(&self) -> u32 {
        self.bits
    }

    fn frames(&self) -> Option<u64> {
        Some(self.layout.frames)
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        let layout = &self.layout;
        let align = u64::from(layout.block_align);
        let count = layout.frames.saturating_sub(self.done).min(BLOCK_FRAMES);
        if count == 0 {
            return Ok(false);
        }
        let from = self.done.saturating_mul(align);
        let wanted = usize::try_from(count.saturating_mul(align)).unwrap_or(0);
        let left = layout.data_len.saturating_sub(from).min(wanted as u64);
        let mut bytes = Vec::with_capacity(wanted);
        (&mut self.reader).take(left).read_to_end(&mut bytes)?;
        // Of a last frame that is cut off, what is missing is silent.
        let silence = layout.encoding.silence().unwrap_or(0);
        bytes.resize(wanted, silence);
        let width = usize::from(layout.encoding.sample_bytes().unwrap_or(1));
        let mut at = layout.data_offset.saturating_add(from);
        for sample in bytes.chunks_exact(width.max(1)) {
            let value = integer(layout.encoding, layout.byte_order, sample);
            let value = value.ok_or_else(|| {
                let name = layout.encoding.name(layout.byte_order);
                let what = format!("{name} with a sample, at byte {at}, of more than 24 bits");
                RenditionError::unsupported(what)
            })?;
            out.push(value);
            at = at.saturating_add(width as u64);
        }
        self.done = self.done.saturating_add(count);
        Ok(true)
    }
}

/// One sample; `None` when 24 bits do not hold it.
fn integer(encoding: Encoding, order: ByteOrder, bytes: &[u8]) -> Option<i32> {
    let mut little = [0; 8];
    let part = little.get_mut(..bytes.len())?;
    part.copy_from_slice(bytes);
    if order == ByteOrder::Big {
        part.reverse();
    }
    let [a, b, c, d, ..] = little;
    let word = i32::from_le_bytes([a, b, c, d]);
    Some(match encoding {
        Encoding::PcmU8 => i32::from(a) - 128,
        Encoding::Pcm16 => i32::from(i16::from_le_bytes([a, b])),
        Encoding::Pcm24 => i32::from_le_bytes([0, a, b, c]) >> 8,
        Encoding::Pcm32 => return (word & 0xFF == 0).then_some(word >> 8),
        Encoding::Float32 => {
            return fraction(f64::from(f32::from_le_bytes([a, b, c, d])));
        }
        Encoding::Float64 => return fraction(f64::from_le_bytes(little)),
        Encoding::ALaw => i32::from(a_law(a)),
        Encoding::MuLaw => i32::from(mu_law(a)),
        _ => return None,
    })
}

/// A floating-point sample as 24 bits, if it is exactly that.
fn fraction(sample: f64) -> Option<i32> {
    let scaled = sample * 8_388_608.0;
    let fits = (-8_388_608.0..8_388_608.0).contains(&scaled) && scaled.fract() == 0.0;
    #[expect(clippy::cast_possible_truncation, reason = "range checked, and whole")]
    fits.then_some(scaled as i32)
}

/// G.711 A-law to 16 bits.
fn a_law(byte: u8) -> i16 {
    let code = byte ^ 0x55;
    let (exponent, mantissa) = (code >> 4 & 7, i16::from(code & 15));
    let size = match exponent {
        0 => mantissa << 4 | 8,
        _ => (mantissa << 4 | 0x108) << (exponent - 1),
    };
    if code & 0x80 == 0 { -size } else { size }
}

/// G.711 mu-law to 16 bits.
fn mu_law(byte: u8) -> i16 {
    let code = !byte;
    let size = ((i16::from(code & 15) << 3 | 0x84) << (code >> 4 & 7)) - 0x84;
    if code & 0x80 == 0 { size } else { -size }
}

/// G.711 in an MP4, chunk by chunk.
pub(super) struct Chunks {
    reader: Reader,
    table: SampleTable,
    cursor: Cursor,
    encoding: Encoding,
    channels: u16,
    rate: u32,
}

impl Chunks {
    /// The samples of a track; `None` when it is coded otherwise.
    pub(super) fn open(
        source: &Source,
        kind: [u8; 4],
        (channels, rate): (u16, u32),
        table: &SampleTable,
    ) -> Option<Self> {
        let encoding = match &kind {
            b"alaw" => Encoding::ALaw,
            b"ulaw" => Encoding::MuLaw,
            _ => return None,
        };
        let (reader, cursor) = (source.reader(), Cursor::default());
        Some(Self { reader, table: table.clone(), cursor, encoding, channels, rate })
    }
}

impl Samples for Chunks {
    fn channels(&self) -> u16 {
        self.channels
    }

    fn rate(&self) -> u32 {
        self.rate
    }

    fn bits(&self) -> u32 {
        16
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        let chunk = match self.table.sizes {
            Sizes::Same { .. } => self.cursor.next_chunk(&self.table),
            Sizes::Each(_) => self.cursor.next(&self.table),
        };
        let Some(chunk) = chunk else { return Ok(false) };
        // Many writers give samples the size 1, and mean one of every channel.
        let len = match self.table.sizes {
            Sizes::Same { size: 1, .. } => chunk.len.saturating_mul(u64::from(self.channels)),
            _ => chunk.len,
        };
        let mut bytes = Vec::new();
        let len = u32::try_from(len).unwrap_or(u32::MAX);
        self.reader.append(chunk.offset, len, &mut bytes)?;
        let little = ByteOrder::Little;
        out.extend(bytes.iter().filter_map(|byte| integer(self.encoding, little, &[*byte])));
        Ok(true)
    }
}

/// ADPCM in blocks.
struct Adpcm {
    reader: Reader,
    layout: WavLayout,
    decoder: PacketDecoder,
    /// Frames and bytes that were given.
    done: (u64, u64),
    block: Vec<i32>,
}

impl Adpcm {
    fn open(source: &Source, layout: WavLayout) -> Result<Self, RenditionError> {
        let samples = layout.encoding.block_samples(layout.channels, layout.block_align);
        let samples = samples.and_then(|samples| u16::try_from(samples).ok());
        let what = || RenditionError::unsupported("ADPCM in blocks of this size");
        let samples = samples.ok_or_else(what)?;
        let coding = match layout.encoding {
            Encoding::ImaAdpcm => Coding::ImaAdpcm(samples),
            _ => Coding::MsAdpcm(samples),
        };
        if layout.channels > 2 {
            return Err(RenditionError::unsupported("ADPCM of more than two channels"));
        }
        let decoder = PacketDecoder::open(&coding, layout.channels, layout.sample_rate)?;
        let mut reader = source.reader();
        reader.seek(SeekFrom::Start(layout.data_offset))?;
        Ok(Self { reader, layout, decoder, done: (0, 0), block: Vec::new() })
    }
}

impl Samples for Adpcm {
    fn channels(&self) -> u16 {
        self.layout.channels
    }

    fn rate(&self) -> u32 {
        self.layout.sample_rate
    }

    fn bits(&self) -> u32 {
        16
    }

    fn frames(&self) -> Option<u64> {
        Some(self.layout.frames)
    }

    fn next(&mut self, out: &mut Vec<i32>) -> Result<bool, RenditionError> {
        let (frames, bytes) = self.done;
        let left = self.layout.frames.saturating_sub(frames);
        if left == 0 {
            return Ok(false);
        }
        let align = usize::from(self.layout.block_align);
        let take = self.layout.data_len.saturating_sub(bytes).min(align as u64);
        let mut packet = Vec::with_capacity(align);
        (&mut self.reader).take(take).read_to_end(&mut packet)?;
        // Of a cut-off block the frames that it still has are taken.
        packet.resize(align, 0);
        let at = self.layout.data_offset.saturating_add(bytes);
        self.block.clear();
        self.decoder.decode_whole(&packet, at, &mut self.block)?;
        let channels = usize::from(self.layout.channels.max(1));
        let have = self.block.len() / channels;
        let keep = have.min(usize::try_from(left).unwrap_or(usize::MAX));
        if keep == 0 {
            return Err(MediaError::malformed("an ADPCM block without samples", at).into());
        }
        out.extend(self.block.iter().take(keep * channels).map(|sample| sample >> 16));
        self.done = (frames.saturating_add(keep as u64), bytes.saturating_add(align as u64));
        Ok(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn g711_is_decoded_as_the_standard_lists_it() {
        // ITU-T G.711 tables 1a and 2a, decoder output values, at 16 bits.
        for (byte, value) in [(0xD5, 8), (0x55, -8), (0xAA, 32_256), (0x2A, -32_256), (0x80, 5504)]
        {
            assert_eq!(a_law(byte), value, "{byte:#x}");
        }
        for (byte, value) in [(0xFF, 0), (0x7F, 0), (0x80, 32_124), (0x00, -32_124), (0xEF, 132)] {
            assert_eq!(mu_law(byte), value, "{byte:#x}");
        }
    }

    #[test]
    fn what_24_bits_do_not_hold_is_refused() {
        let word = |value: i32| integer(Encoding::Pcm32, ByteOrder::Little, &value.to_le_bytes());
        assert_eq!((word(0x1234_5600), word(-256), word(1)), (Some(0x12_3456), Some(-1), None));
        let big = integer(Encoding::Pcm24, ByteOrder::Big, &[0xFF, 0xFF, 0xFE]);
        assert_eq!(big, Some(-2));
        let float =
            |value: f32| integer(Encoding::Float32, ByteOrder::Little, &value.to_le_bytes());
        assert_eq!((float(-1.0), float(0.5)), (Some(-8_388_608), Some(4_194_304)));
        assert_eq!((float(1.0), float(1e-9), float(f32::NAN)), (None, None, None));
    }
}
