//! Containers and codecs, read from bytes that nobody has vouched for.
//!
//! The folder opens nothing: sources come in as `Read + Seek`, and what goes out are facts with
//! offsets. No size from the input allocates or loops before it met a named limit, and every
//! failure is one of four: malformed (with its offset), unsupported, limit, I/O.

mod aac;
mod amr;
mod bits;
mod decode;
mod demux;
mod encoding;
mod error;
mod flac;
mod framer;
pub mod g722;
mod gsm;
pub mod matroska;
mod measure;
pub mod mp3;
pub mod mp4;
mod ogg;
mod opus;
mod packets;
mod riff;
mod section;
mod sniff;
mod vorbis;
mod wav;
#[cfg(test)]
mod wav_traps;

use std::io::{Read, Seek};

use crate::asset::MediaTime;

pub use aac::{
    AdtsFramer, AdtsHeader, AudioSpecificConfig, ChannelLayout, Element, ElementId,
    MAX_ADTS_FRAME_BYTES, Opening, ProgramConfig,
};
pub use amr::{AmrBand, AmrFramer};
pub use bits::{BitReader, BitWriter};
pub use decode::{Decoded, SoundFile, measure_decoded};
pub use encoding::Encoding;
pub use error::MediaError;
pub use flac::{FlacFramer, FlacLayout, FrameHeader, STREAMINFO_MD5, StreamInfo, crc16};
pub use framer::{Cut, Cutter, Framer, MAX_WINDOW_BYTES, Piece};
pub use g722::G722Decoder;
pub use gsm::{GSM_FRAME_BYTES, GSM_FRAME_SAMPLES, GSM_RATE, GsmDecoder, GsmFramer};
pub use measure::measure;
pub use ogg::{OggFramer, OggPage, OggPiece, ogg_crc_holds, ogg_lacing, set_ogg_crc};
pub use opus::{MAX_OPUS_TICKS, OPUS_RATE, OpusHead, OpusPacket};
pub use packets::{Coding, PacketDecoder};
pub use riff::{ByteOrder, Chunk, MAX_CHUNKS};
pub use section::Section;
pub use sniff::{Container, SNIFF_BYTES, sniff};
pub use symphonia::core::io::MediaSource;
pub use vorbis::{VorbisPacket, VorbisSetup};
pub use wav::{MAX_CHANNELS, MAX_FMT_BYTES, MAX_SAMPLE_RATE, WavLayout};

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
    /// When the first sample plays on the file's clock, rounded down; not 0 in parts of longer
    /// streams.
    pub first: MediaTime,
    /// Length of the file in bytes.
    pub bytes: u64,
}

impl Measured {
    /// As a length: not known, because the file comes through a pipe.
    pub const OPEN_END: u64 = u64::MAX;

    /// What can be said of a stream from its first bytes: neither length nor duration.
    ///
    /// # Errors
    /// Unsupported for a container that can be masked only with its index at hand; malformed for
    /// a damaged header.
    pub fn streamed(container: Container, head: &[u8]) -> Result<Self, MediaError> {
        let codec = match container {
            Container::Wav | Container::Rf64 => {
                let layout = WavLayout::read(&mut std::io::Cursor::new(head), Self::OPEN_END)?;
                let facts = layout.measured();
                // Without a size in the header the sound runs to the end, wherever that is.
                let endless = layout.data_len > Self::OPEN_END / 2;
                let duration = if endless { MediaTime::MAX } else { facts.duration };
                return Ok(Self { duration, ..facts });
            }
            Container::Mp4 => {
                let what = "MP4 through a pipe (its index is at any place: give a file)";
                return Err(MediaError::unsupported(what));
            }
            Container::Unknown => return Err(MediaError::unsupported("this kind of file")),
            Container::Mp3 => "mp3",
            Container::Flac => "flac",
            Container::Adts => "aac",
            Container::Amr => "amr",
            Container::Gsm => "gsm",
            Container::Ogg | Container::Matroska => "unknown",
        };
        Ok(Self {
            container,
            codec: codec.to_owned(),
            channels: None,
            sample_rate: None,
            first: MediaTime::ZERO,
            duration: MediaTime::MAX,
            bytes: Self::OPEN_END,
        })
    }
}

/// `ticks` of `numerator / denominator` seconds as media time, rounded up. Saturates.
fn ticks_to_time(ticks: u64, numerator: u32, denominator: u32) -> MediaTime {
    let micros = u128::from(ticks) * u128::from(numerator) * 1_000_000;
    let micros = micros.div_ceil(u128::from(denominator.max(1)));
    MediaTime::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
}
