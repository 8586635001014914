//! WAVE: where the samples lie, and how they are coded.

use std::io::{Read, Seek};

use super::encoding::{Encoding, FormatTag};
use super::riff::{ByteOrder, Chunk, read_at, walk};
use super::{Container, Measured, MediaError, ticks_to_time};
use crate::asset::MediaTime;

/// Longest `fmt ` chunk; EXTENSIBLE needs 40 bytes, codecs with tables up to a few hundred.
pub const MAX_FMT_BYTES: u64 = 4096;
/// Most channels.
pub const MAX_CHANNELS: u16 = 256;
/// Highest sampling rate in Hz.
pub const MAX_SAMPLE_RATE: u32 = 3_072_000;

/// Format tag whose real tag is the first word of a GUID.
const EXTENSIBLE: u16 = 0xFFFE;
/// The 14 bytes that follow the tag in a sub-format GUID (RFC 2361 section 4).
const SUBFORMAT_TAIL: [u8; 14] = *b"\0\0\0\0\x10\0\x80\0\0\xAA\0\x38\x9B\x71";

/// The plan of a WAVE file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WavLayout {
    /// RIFF (RIFX too) or RF64/BW64.
    pub container: Container,
    /// Of sizes, fields and samples: big-endian in RIFX only.
    pub byte_order: ByteOrder,
    /// How samples are coded.
    pub encoding: Encoding,
    /// Invariant: 1 to [`MAX_CHANNELS`].
    pub channels: u16,
    /// In Hz. Invariant: 1 to [`MAX_SAMPLE_RATE`].
    pub sample_rate: u32,
    /// Bytes of one frame (one sample of every channel), or of one block of a codec. Invariant: not
    /// 0, and channels times sample bytes where samples have bytes.
    pub block_align: u16,
    /// First byte of the samples.
    pub data_offset: u64,
    /// Length of the samples in bytes; lies within the file.
    pub data_len: u64,
    /// Frames: samples of one channel; a started last frame counts.
    pub frames: u64,
    /// Every chunk, `fmt ` and `data` included, in file order.
    pub chunks: Vec<Chunk>,
    /// Bytes after the last chunk that are not a chunk.
    pub trailer_len: u64,
    /// Length of the file.
    pub total_len: u64,
}

/// The fields of `fmt ` that matter here.
struct Format {
    encoding: Encoding,
    channels: u16,
    sample_rate: u32,
    byte_rate: u32,
    block_align: u16,
    byte_order: ByteOrder,
}

impl WavLayout {
    /// Reads the layout of a file of `total_len` bytes, touching only headers.
    ///
    /// # Errors
    /// [`MediaError::Malformed`] for an empty or truncated file, `fmt ` missing or after `data`,
    /// and sizes that contradict each other; unsupported for a second `data`.
    pub fn read<R>(source: &mut R, total_len: u64) -> Result<Self, MediaError>
    where
        R: Read + Seek + ?Sized,
    {
        let found = walk(source, total_len)?;
        let position = |id: &[u8; 4]| found.chunks.iter().position(|chunk| &chunk.id == id);
        let missing = |what: &str| MediaError::malformed(what, total_len);
        let data_at = position(b"data").ok_or_else(|| missing("the file has no data chunk"))?;
        let fmt_at = position(b"fmt ").ok_or_else(|| missing("the file has no fmt chunk"))?;
        let chunk = |at: usize| found.chunks.get(at).copied();
        let (Some(data), Some(fmt)) = (chunk(data_at), chunk(fmt_at)) else {
            return Err(missing("the file has no data chunk"));
        };
        if fmt_at > data_at {
            return Err(MediaError::malformed("the fmt chunk comes after data", fmt.offset));
        }
        for (id, what) in [(b"data", "a second data chunk"), (b"fmt ", "a second fmt chunk")] {
            if found.chunks.iter().filter(|chunk| &chunk.id == id).count() > 1 {
                // Sound in a place that players disagree about could slip past a mask.
                return Err(MediaError::unsupported(what));
            }
        }
        let format = read_format(source, fmt, found.byte_order)?;
        let (channels, align) = (format.channels, format.block_align);
        let frames = match format.encoding.frames(data.len, channels, align) {
            Some(frames) => frames,
            None => frames_of_foreign_codec(source, &found.chunks, &format, data.len)?,
        };
        Ok(Self {
            container: if found.long { Container::Rf64 } else { Container::Wav },
            byte_order: format.byte_order,
            encoding: format.encoding,
            channels: format.channels,
            sample_rate: format.sample_rate,
            block_align: format.block_align,
            data_offset: data.offset,
            data_len: data.len,
            frames,
            chunks: found.chunks,
            trailer_len: found.trailer_len,
            total_len,
        })
    }

    /// Playing time, rounded up to a microsecond.
    pub fn duration(&self) -> MediaTime {
        ticks_to_time(self.frames, 1, self.sample_rate)
    }

    /// The same facts in the form that every container has.
    pub fn measured(&self) -> Measured {
        Measured {
            container: self.container,
            codec: self.encoding.name(self.byte_order),
            channels: Some(self.channels),
            sample_rate: Some(self.sample_rate),
            first: MediaTime::ZERO,
            duration: self.duration(),
            bytes: self.total_len,
        }
    }
}

/// `fmt `: tag 2, channels 2, rate 4, bytes per second 4, block align 2, bits 2; then the size of
/// the rest 2. EXTENSIBLE adds valid bits 2, speakers 4, sub-format GUID 16; block codecs add
/// samples per block 2.
fn read_format<R>(source: &mut R, chunk: Chunk, order: ByteOrder) -> Result<Format, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let bad = |what: &str| MediaError::malformed(what, chunk.offset);
    MediaError::check("the length of the fmt chunk", chunk.len, MAX_FMT_BYTES)?;
    // PCMWAVEFORMAT is 16 bytes; some writers of G.711 leave the bit depth out (14).
    let mut bytes = [0; 40];
    let wanted = usize::try_from(chunk.len.min(40)).unwrap_or(40);
    let known = bytes.get_mut(..wanted).filter(|known| known.len() >= 14);
    read_at(source, chunk.offset, known.ok_or_else(|| bad("the fmt chunk is too short"))?)?;
    let word = |at: usize| order.u16(bytes.get(at..).unwrap_or_default());
    let long = |at: usize| order.u32(bytes.get(at..).unwrap_or_default());
    let (mut tag, mut bits) = (word(0), word(14));
    if tag == EXTENSIBLE {
        if wanted < 40 {
            return Err(bad("the EXTENSIBLE fmt chunk is shorter than 40 bytes"));
        }
        if bytes.ends_with(&SUBFORMAT_TAIL) {
            tag = word(24);
        }
    }
    if matches!(tag, 6 | 7) && bits == 0 {
        bits = 8;
    }
    let (channels, block_align) = (word(2), word(12));
    let block_samples = Some(word(18)).filter(|samples| word(16) >= 2 && *samples > 0);
    let found = FormatTag { tag, bits, channels, block_align, block_samples, order };
    let format = Format {
        encoding: Encoding::new(found),
        channels,
        sample_rate: long(4),
        byte_rate: long(8),
        block_align,
        byte_order: order,
    };
    MediaError::check("the number of channels", format.channels.into(), MAX_CHANNELS.into())?;
    MediaError::check("the sampling rate", format.sample_rate.into(), MAX_SAMPLE_RATE.into())?;
    if format.channels == 0 || format.sample_rate == 0 || format.block_align == 0 {
        return Err(bad("channels, sampling rate or block size is 0"));
    }
    let frame_bytes = format.encoding.sample_bytes().map(|one| one.saturating_mul(format.channels));
    if frame_bytes.is_some_and(|frame_bytes| frame_bytes != format.block_align) {
        return Err(bad("the block size is not channels times sample size"));
    }
    Ok(format)
}

/// Frames of a codec that is not read here: from `fact`, else from the declared byte rate.
fn frames_of_foreign_codec<R>(
    source: &mut R,
    chunks: &[Chunk],
    format: &Format,
    data_len: u64,
) -> Result<u64, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let by_rate = u128::from(data_len) * u128::from(format.sample_rate);
    let by_rate = by_rate.checked_div(u128::from(format.byte_rate)).unwrap_or(0);
    let by_rate = u64::try_from(by_rate).unwrap_or(u64::MAX);
    let fact = chunks.iter().find(|chunk| &chunk.id == b"fact" && chunk.len >= 4);
    let Some(fact) = fact else { return Ok(by_rate) };
    let mut count = [0; 4];
    read_at(source, fact.offset, &mut count)?;
    let count = u64::from(format.byte_order.u32(&count));
    // Stream writers leave 0 or all ones.
    Ok(if count == 0 || count == u64::from(u32::MAX) { by_rate } else { count })
}
