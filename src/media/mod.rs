//! Containers and codecs, read from bytes that nobody has vouched for.
//!
//! The folder opens nothing: sources come in as `Read + Seek`, and what goes out are facts with
//! offsets. No size from the input allocates or loops before it met a named limit, and every
//! failure is one of four: malformed (with its offset), unsupported, limit, I/O.

mod amr;
mod bits;
mod error;
mod framer;
mod measure;
pub mod mp4;
mod riff;
mod sniff;
mod wav;
#[cfg(test)]
mod wav_traps;

use std::io::{Read, Seek};

use crate::asset::MediaTime;

pub use bits::{BitReader, BitWriter};
pub use error::MediaError;
pub use framer::{Cut, Cutter, Framer, MAX_WINDOW_BYTES, Piece};
pub use measure::measure;
pub use riff::{Chunk, MAX_CHUNKS};
pub use sniff::{Container, SNIFF_BYTES, sniff};
pub use symphonia::core::io::MediaSource;
pub use wav::{Encoding, MAX_CHANNELS, MAX_FMT_BYTES, MAX_SAMPLE_RATE, WavLayout};

/// A source that can be read from any place.
pub trait ReadSeek: Read + Seek {}

impl<T: Read + Seek + ?Sized> ReadSeek for T {}

/// What was found in a media file, without decoding it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The container, from the bytes themselves.
    pub container: Container,
    /// The codecs, the first track's first, joined by `+`: `pcm_s16le`, `h264+aac`.
    pub codec: String,
    /// Channels of the first sound track.
    pub channels: Option<u16>,
    /// Sampling rate of the first sound track in Hz.
    pub sample_rate: Option<u32>,
    /// Playing time of the longest track, rounded up to a microsecond.
    pub duration: MediaTime,
    /// Length of the file in bytes.
    pub bytes: u64,
}

impl Measured {
    /// As a length: not known, because the file comes through a pipe.
    pub const OPEN_END: u64 = u64::MAX;
}

/// `ticks` of `numerator / denominator` seconds as media time, rounded up. Saturates.
fn ticks_to_time(ticks: u64, numerator: u32, denominator: u32) -> MediaTime {
    let micros = u128::from(ticks) * u128::from(numerator) * 1_000_000;
    let micros = micros.div_ceil(u128::from(denominator.max(1)));
    MediaTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
