//! Single packets decoded: for who has taken a container apart by himself.

use std::sync::atomic::{AtomicU64, Ordering};

use ropus::{Channels as OpusChannels, DecodeMode, Decoder as OpusDecoder};
use symphonia::core::audio::Channels;
use symphonia::core::codecs::audio::well_known::{
    CODEC_ID_AAC, CODEC_ID_ADPCM_IMA_WAV, CODEC_ID_ADPCM_MS, CODEC_ID_FLAC, CODEC_ID_MP3,
};
use symphonia::core::codecs::audio::{AudioCodecParameters, AudioDecoder, AudioDecoderOptions};
use symphonia::core::errors::Error;
use symphonia::core::packet::PacketRef;
use symphonia::core::units::{Duration, Timestamp};

use super::demux::{foreign_error, guarded};
use super::{MAX_OPUS_TICKS, MediaError, OPUS_RATE};

/// What packets are coded with, and what their decoder must be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Coding {
    /// MPEG audio layer III.
    Mp3,
    /// AAC, with its AudioSpecificConfig.
    Aac(Vec<u8>),
    /// FLAC, with the 34 bytes of STREAMINFO.
    Flac(Vec<u8>),
    /// Opus of one stream.
    Opus,
    /// IMA ADPCM of WAVE, in blocks of so many samples of each channel.
    ImaAdpcm(u16),
    /// Microsoft ADPCM, in blocks of so many samples of each channel.
    MsAdpcm(u16),
}

enum Inner {
    Opus(Box<OpusDecoder>, Vec<f32>),
    Other(Box<dyn AudioDecoder>, u64),
}

/// Decodes the packets of one stream in order.
pub struct PacketDecoder {
    inner: Inner,
    channels: u16,
    position: AtomicU64,
}

impl PacketDecoder {
    /// A decoder for a stream of so many channels at `rate` Hz.
    ///
    /// # Errors
    /// Unsupported when there is none for such a stream.
    pub fn open(coding: &Coding, channels: u16, rate: u32) -> Result<Self, MediaError> {
        let position = AtomicU64::new(0);
        let inner = guarded(&position, || match coding {
            Coding::Opus => open_opus(channels),
            _ => open_other(coding, channels, rate),
        })?;
        Ok(Self { inner, channels, position })
    }

    /// Appends the interleaved samples of `packet`, which begins at byte `at` of the file; full scale
    /// is 1. What cannot be decoded appends nothing, as what hears its stream begin in the midst.
    ///
    /// # Errors
    /// Malformed when the decoder fails on it; unsupported when channels change.
    pub fn decode(&mut self, packet: &[u8], at: u64, out: &mut Vec<f32>) -> Result<(), MediaError> {
        self.position.store(at, Ordering::Relaxed);
        let (inner, channels) = (&mut self.inner, usize::from(self.channels));
        guarded(&self.position, || match inner {
            Inner::Opus(decoder, pcm) => {
                let frames = decoder.decode_float(packet, pcm, DecodeMode::Normal).unwrap_or(0);
                out.extend_from_slice(pcm.get(..frames.saturating_mul(channels)).unwrap_or(&[]));
                Ok(())
            }
            Inner::Other(decoder, block) => match decoder.decode_ref(&packet_ref(packet, *block)) {
                Ok(decoded) if decoded.spec().channels().count() == channels => {
                    let mut samples = Vec::new();
                    decoded.copy_to_vec_interleaved::<f32>(&mut samples);
                    out.append(&mut samples);
                    Ok(())
                }
                Ok(_) => Err(MediaError::unsupported("a change of channels")),
                Err(Error::DecodeError(_) | Error::IoError(_)) => Ok(()),
                Err(error) => Err(foreign_error(error, at)),
            },
        })
    }

    /// As [`PacketDecoder::decode`], as integers of 32 bits.
    ///
    /// # Errors
    /// As [`PacketDecoder::decode`]; unsupported for Opus, which is decoded to floating point.
    pub fn decode_whole(
        &mut self,
        packet: &[u8],
        at: u64,
        out: &mut Vec<i32>,
    ) -> Result<(), MediaError> {
        self.position.store(at, Ordering::Relaxed);
        let Inner::Other(decoder, block) = &mut self.inner else {
            return Err(MediaError::unsupported("Opus as integers"));
        };
        guarded(&self.position, || {
            let wrong = |error| foreign_error(error, at);
            let decoded = decoder.decode_ref(&packet_ref(packet, *block)).map_err(wrong)?;
            let mut samples = Vec::new();
            decoded.copy_to_vec_interleaved::<i32>(&mut samples);
            out.append(&mut samples);
            Ok(())
        })
    }
}

fn packet_ref(packet: &[u8], block: u64) -> PacketRef<'_> {
    PacketRef::new(0, Timestamp::ZERO, Duration::new(block), packet)
}

fn open_opus(channels: u16) -> Result<Inner, MediaError> {
    let layout = match channels {
        1 => OpusChannels::Mono,
        2 => OpusChannels::Stereo,
        _ => return Err(MediaError::unsupported("decoding Opus of more than two channels")),
    };
    let decoder = OpusDecoder::new(OPUS_RATE, layout);
    let decoder = decoder.map_err(|error| MediaError::unsupported(error.to_string()))?;
    let most = usize::try_from(MAX_OPUS_TICKS).unwrap_or(0) * usize::from(channels);
    Ok(Inner::Opus(Box::new(decoder), vec![0.0; most]))
}

fn open_other(coding: &Coding, channels: u16, rate: u32) -> Result<Inner, MediaError> {
    let mut params = AudioCodecParameters::new();
    params.with_sample_rate(rate).with_channels(Channels::Discrete(channels));
    let mut block = 0;
    match coding {
        Coding::Mp3 => params.for_codec(CODEC_ID_MP3),
        Coding::Aac(config) => {
            params.for_codec(CODEC_ID_AAC).with_extra_data(config.clone().into_boxed_slice())
        }
        Coding::Flac(info) => {
            params.for_codec(CODEC_ID_FLAC).with_extra_data(info.clone().into_boxed_slice())
        }
        Coding::ImaAdpcm(samples) | Coding::MsAdpcm(samples) => {
            block = u64::from(*samples);
            let ima = matches!(coding, Coding::ImaAdpcm(_));
            params
                .for_codec(if ima { CODEC_ID_ADPCM_IMA_WAV } else { CODEC_ID_ADPCM_MS })
                .with_frames_per_block(block)
                .with_max_frames_per_packet(block)
        }
        Coding::Opus => return Err(MediaError::unsupported("decoding Opus")),
    };
    let decoder = symphonia::default::get_codecs()
        .make_audio_decoder(&params, &AudioDecoderOptions::default())
        .map_err(|error| foreign_error(error, 0))?;
    Ok(Inner::Other(decoder, block))
}
