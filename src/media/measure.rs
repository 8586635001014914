//! Playing time and codec of any container that is not rewritten here, by demuxing, not decoding.
//!
//! The demuxers are a foreign library that has panicked on hostile files before, so they run under
//! `catch_unwind`, and the caller puts them on a worker thread, not into a request.

use std::io::{self, Read, Seek, SeekFrom};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use symphonia::core::codecs::CodecParameters;
use symphonia::core::codecs::audio::{AudioCodecId, well_known as sound};
use symphonia::core::codecs::video::{VideoCodecId, well_known as picture};
use symphonia::core::errors::Error;
use symphonia::core::formats::probe::{Hint, Probe};
use symphonia::core::formats::{FormatOptions, FormatReader, Track};
use symphonia::core::io::{MediaSource, MediaSourceStream};
use symphonia::core::meta::MetadataOptions;
use symphonia::default::formats;

use super::sniff::id3v2_len;
use super::{Container, Measured, MediaError, WavLayout, amr, mp3, mp4, ticks_to_time};
use crate::asset::MediaTime;

/// Most packets counted: three days of 2.5 ms Opus frames.
const MAX_PACKETS: u64 = 104_000_000;
/// Most tracks.
const MAX_TRACKS: u64 = 64;
/// Most ID3v2 tags in front of the first frame.
const MAX_TAGS: u64 = 8;

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
        Container::Mp3 => mp3::measure(source.as_mut(), bytes),
        Container::Unknown => Err(MediaError::unsupported("this kind of file")),
        _ => {
            let position = Arc::new(AtomicU64::new(0));
            let seen = Arc::clone(&position);
            let outcome =
                catch_unwind(AssertUnwindSafe(move || demux(source, bytes, container, &seen)));
            outcome.unwrap_or_else(|_| {
                let at = position.load(Ordering::Relaxed);
                Err(MediaError::malformed("the demuxer failed", at))
            })
        }
    }
}

fn demux(
    mut source: Box<dyn MediaSource>,
    bytes: u64,
    container: Container,
    position: &Arc<AtomicU64>,
) -> Result<Measured, MediaError> {
    let times = match container {
        Container::Mp4 => Some(mp4::read(source.as_mut(), bytes)?),
        _ => None,
    };
    let start = tags_len(source.as_mut())?;
    source.seek(SeekFrom::Start(start))?;
    // Elementary streams are read straight through; a seekable source would be searched from its
    // end for tags first.
    let seekable = container != Container::Adts;
    let tracked = Tracked { inner: source, bytes, seekable, position: Arc::clone(position) };
    let wrong = |error| foreign_error(error, position.load(Ordering::Relaxed));
    let stream = MediaSourceStream::new(Box::new(tracked), Default::default());
    let mut reader = probe_for(container)
        .probe(&Hint::new(), stream, FormatOptions::default(), MetadataOptions::default())
        .map_err(wrong)?;
    let tracks = reader.tracks().to_vec();
    MediaError::check("the number of tracks", tracks.len() as u64, MAX_TRACKS)?;
    let declared = times.as_ref().filter(|times| !times.fragmented);
    let duration = match declared {
        Some(times) => times.played.or_else(|| longest_declared(&tracks)),
        None => count_packets(reader.as_mut(), &tracks, container).map_err(wrong)?,
    };
    let at = position.load(Ordering::Relaxed);
    let duration = duration.ok_or_else(|| MediaError::malformed("no media frames", at))?;
    let first_sound = tracks.iter().find_map(|track| track.codec_params.as_ref()?.audio());
    let channels = first_sound.and_then(|params| params.channels.as_ref()).map(|all| all.count());
    Ok(Measured {
        container,
        codec: codec_names(&tracks),
        channels: channels.and_then(|count| u16::try_from(count).ok()),
        sample_rate: first_sound.and_then(|params| params.sample_rate),
        duration,
        bytes,
    })
}

/// A probe that knows one container only, so that no file is taken for another kind than sniffed.
fn probe_for(container: Container) -> Probe {
    let mut probe = Probe::new();
    match container {
        Container::Adts => probe.register_format::<formats::AdtsReader<'_>>(),
        Container::Mp4 => probe.register_format::<formats::IsoMp4Reader<'_>>(),
        Container::Ogg => probe.register_format::<formats::OggReader<'_>>(),
        Container::Matroska => probe.register_format::<formats::MkvReader<'_>>(),
        Container::Flac => probe.register_format::<formats::FlacReader<'_>>(),
        Container::Wav | Container::Rf64 | Container::Mp3 | Container::Amr | Container::Unknown => {
        }
    }
    probe
}

/// How many bytes of ID3v2 tags come first.
fn tags_len(source: &mut dyn MediaSource) -> Result<u64, MediaError> {
    let mut start = 0_u64;
    for _ in 0..MAX_TAGS {
        source.seek(SeekFrom::Start(start))?;
        let mut head = Vec::new();
        (&mut *source).take(10).read_to_end(&mut head)?;
        match id3v2_len(&head) {
            0 => return Ok(start),
            len => start = start.saturating_add(len),
        }
    }
    Err(MediaError::Limit { what: "the number of ID3 tags", limit: MAX_TAGS, found: MAX_TAGS + 1 })
}

/// The longest duration that the tracks themselves declare.
fn longest_declared(tracks: &[Track]) -> Option<MediaTime> {
    let time = |track: &Track| {
        let base = track.time_base?;
        Some(ticks_to_time(track.duration?.get(), base.numer.get(), base.denom.get()))
    };
    tracks.iter().filter_map(time).max()
}

/// Reads every packet and returns when the last one ends; `None` without any packet.
fn count_packets(
    reader: &mut dyn FormatReader,
    tracks: &[Track],
    container: Container,
) -> Result<Option<MediaTime>, Error> {
    // Elementary streams have no timestamps; the demuxer begins them before zero by the encoder's
    // delay. All their frames count, and all are equally long.
    let end_to_end = container == Container::Adts;
    let mut ends: Vec<(u32, u64)> = tracks.iter().map(|track| (track.id, 0)).collect();
    let (mut origin, mut longest_frame) = (None, 0);
    let mut packets = 0;
    loop {
        let packet = match reader.next_packet() {
            Ok(Some(packet)) => packet,
            Ok(None) => break,
            // Recordings that were cut off end like this, and so does every Matroska file.
            Err(Error::IoError(error))
                if error.kind() == io::ErrorKind::UnexpectedEof
                    && packets > 0
                    && matches!(container, Container::Matroska | Container::Adts) =>
            {
                break;
            }
            Err(error) => return Err(error),
        };
        packets += 1;
        if packets > MAX_PACKETS {
            return Err(Error::LimitError("packets"));
        }
        let Some((_, end)) = ends.iter_mut().find(|entry| entry.0 == packet.track_id) else {
            continue;
        };
        if end_to_end {
            let origin = *origin.get_or_insert(packet.pts);
            longest_frame = longest_frame.max(packet.dur.get());
            let start = packet.pts.get().abs_diff(origin.get());
            *end = start.saturating_add(longest_frame).max(*end);
        } else {
            let start = u64::try_from(packet.pts.get()).unwrap_or(0);
            *end = start.saturating_add(packet.dur.get()).max(*end);
        }
    }
    let time = |(track, (_, end)): (&Track, &(u32, u64))| {
        let base = track.time_base?;
        Some(ticks_to_time(*end, base.numer.get(), base.denom.get()))
    };
    let longest = tracks.iter().zip(&ends).filter_map(time).max();
    Ok(longest.filter(|_| packets > 0))
}

fn foreign_error(error: Error, offset: u64) -> MediaError {
    match error {
        Error::IoError(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            MediaError::malformed("the file ends too early", offset)
        }
        Error::IoError(error) => MediaError::Io(error),
        Error::Unsupported(what) => MediaError::unsupported(what),
        Error::LimitError(_) => MediaError::Limit {
            what: "the number of packets or a packet's size",
            limit: MAX_PACKETS,
            found: MAX_PACKETS,
        },
        Error::ResetRequired => MediaError::unsupported("a chain of several streams"),
        Error::DecodeError(what) => MediaError::malformed(what, offset),
        other => MediaError::malformed(other.to_string(), offset),
    }
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

/// A source that notes where it was read last, and may hide that it can seek.
struct Tracked {
    inner: Box<dyn MediaSource>,
    bytes: u64,
    seekable: bool,
    position: Arc<AtomicU64>,
}

impl Read for Tracked {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let got = self.inner.read(out)?;
        self.position.fetch_add(got as u64, Ordering::Relaxed);
        Ok(got)
    }
}

impl Seek for Tracked {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let at = self.inner.seek(to)?;
        self.position.store(at, Ordering::Relaxed);
        Ok(at)
    }
}

impl MediaSource for Tracked {
    fn is_seekable(&self) -> bool {
        self.seekable
    }

    fn byte_len(&self) -> Option<u64> {
        self.seekable.then_some(self.bytes)
    }
}
