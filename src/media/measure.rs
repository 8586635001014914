//! Playing time and codec of any container that is not rewritten here, by demuxing, not decoding.
//!
//! The caller runs it on a worker thread, not in a request.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as sound};
use symphonia::core::codecs::video::{VideoCodecId, well_known as picture};
use symphonia::core::errors::Error;
use symphonia::core::formats::{FormatReader, Track};
use symphonia::core::io::MediaSource;

use super::demux::{MAX_PACKETS, foreign_error, guarded, open_demuxer};
use super::{Container, Measured, MediaError, WavLayout, aac, amr, gsm, mp3, mp4, ticks_to_time};
use crate::asset::MediaTime;

/// Most tracks.
const MAX_TRACKS: u64 = 64;

/// Measures a file of `bytes` bytes that [`sniff()`](super::sniff()) found to be `container`.
/// Reads the whole file where only the packets or frames tell its length.
///
/// # Errors
/// [`MediaError`]; a panic of a demuxer is malformed. Offsets of foreign demuxers are where they
/// had read to, at most their buffer (64 KiB) too late.
pub fn measure(
    mut source: Box<dyn MediaSource>,
    bytes: u64,
    container: Container,
) -> Result<Measured, MediaError> {
    match container {
        Container::Wav | Container::Rf64 => Ok(WavLayout::read(source.as_mut(), bytes)?.measured()),
        Container::Amr => amr::measure(source.as_mut(), bytes),
        Container::Gsm => Ok(gsm::measure(bytes)),
        Container::Mp3 => mp3::measure(source.as_mut(), bytes),
        Container::Mp4 => mp4::measure(source.as_mut(), bytes),
        Container::Adts => aac::measure(source.as_mut(), bytes),
        Container::Unknown => Err(MediaError::unsupported("this kind of file")),
        _ => {
            let position = Arc::new(AtomicU64::new(0));
            let seen = Arc::clone(&position);
            guarded(&position, move || demux(source, bytes, container, &seen))
        }
    }
}

fn demux(
    source: Box<dyn MediaSource>,
    bytes: u64,
    container: Container,
    position: &Arc<AtomicU64>,
) -> Result<Measured, MediaError> {
    let wrong = |error| foreign_error(error, position.load(Ordering::Relaxed));
    let mut reader = open_demuxer(source, bytes, container, position)?;
    let tracks = reader.tracks().to_vec();
    MediaError::check("the number of tracks", tracks.len() as u64, MAX_TRACKS)?;
    let times = count_packets(reader.as_mut(), &tracks, container).map_err(wrong)?;
    let at = position.load(Ordering::Relaxed);
    let (first, end) = times.ok_or_else(|| MediaError::malformed("no media frames", at))?;
    // In Ogg, players count from the first page, wherever its clock begins (RFC 7845 section 4.3).
    let (first, duration) = match container {
        Container::Ogg => (MediaTime::ZERO, end.saturating_sub(first)),
        _ => (first, end),
    };
    let first_sound = tracks.iter().find_map(|track| track.codec_params.as_ref()?.audio());
    let channels = first_sound.and_then(|params| params.channels.as_ref()).map(|all| all.count());
    Ok(Measured {
        container,
        codec: codec_names(&tracks),
        channels: channels.and_then(|count| u16::try_from(count).ok()),
        sample_rate: first_sound.and_then(|params| params.sample_rate),
        first,
        duration,
        bytes,
    })
}

/// Reads every packet and returns when the first one begins and the last one ends; `None` without
/// any packet.
fn count_packets(
    reader: &mut dyn FormatReader,
    tracks: &[Track],
    container: Container,
) -> Result<Option<(MediaTime, MediaTime)>, Error> {
    let mut ends: Vec<(u32, u64, u64)> =
        tracks.iter().map(|track| (track.id, u64::MAX, 0)).collect();
    let mut packets = 0;
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // Recordings that were cut off end like this, and so does every Matroska file.
            Err(Error::IoError(error))
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && packets > 0
                    && container == Container::Matroska =>
            {
                break;
            }
            Err(error) => return Err(error),
        };
        packets += 1;
        if packets > MAX_PACKETS {
            return Err(Error::LimitError("packets"));
        }
        let Some((_, first, end)) = ends.iter_mut().find(|entry| entry.0 == packet.track_id) else {
            continue;
        };
        let start = u64::try_from(packet.pts.get()).unwrap_or(0);
        *first = start.min(*first);
        *end = start.saturating_add(packet.dur.get()).max(*end);
    }
    let times = tracks.iter().zip(&ends).filter_map(|(track, (_, first, end))| {
        let base = track.time_base?;
        let time = |ticks| ticks_to_time(ticks, base.numer.get(), base.denom.get());
        (first < end).then(|| (time(*first), time(*end)))
    });
    Ok(times.reduce(|all, one| (all.0.min(one.0), all.1.max(one.1))))
}

fn codec_names(tracks: &[Track]) -> String {
    let mut names: Vec<&str> = Vec::new();
    for params in tracks.iter().filter_map(|track| track.codec_params.as_ref()) {
        let name = match params {
            CodecParameters::Audio(params) => sound_name(params.codec),
            CodecParameters::Video(params) => picture_name(params.codec),
            _ => "text",
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.is_empty() { "unknown".to_owned() } else { names.join("+") }
}

const fn sound_name(codec: AudioCodecId) -> &'static str {
    match codec {
        sound::CODEC_ID_MP3 => "mp3",
        sound::CODEC_ID_AAC => "aac",
        sound::CODEC_ID_OPUS => "opus",
        sound::CODEC_ID_VORBIS => "vorbis",
        sound::CODEC_ID_FLAC => "flac",
        sound::CODEC_ID_ALAC => "alac",
        sound::CODEC_ID_SPEEX => "speex",
        sound::CODEC_ID_AC3 => "ac3",
        sound::CODEC_ID_PCM_ALAW => "pcm_alaw",
        sound::CODEC_ID_PCM_MULAW => "pcm_mulaw",
        sound::CODEC_ID_PCM_S16LE => "pcm_s16le",
        sound::CODEC_ID_PCM_S16BE => "pcm_s16be",
        _ => "unknown",
    }
}

const fn picture_name(codec: VideoCodecId) -> &'static str {
    match codec {
        picture::CODEC_ID_H264 => "h264",
        picture::CODEC_ID_HEVC => "hevc",
        picture::CODEC_ID_AV1 => "av1",
        picture::CODEC_ID_VP8 => "vp8",
        picture::CODEC_ID_VP9 => "vp9",
        picture::CODEC_ID_MPEG4 => "mpeg4",
        _ => "unknown",
    }
}
