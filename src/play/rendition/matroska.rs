//! Matroska and WebM: frames by their blocks.

use std::collections::VecDeque;

use super::RenditionError;
use super::entry;
use super::framed::{Pieces, STREAMINFO_BYTES, flac_input, mp3_preroll, mp3_samples, sound_input};
use super::mp4::picture_input;
use super::ogg;
use super::samples::Foreign;
use super::source::Source;
use super::units::{Found, Input, Opened, Preroll, Unit, Units, Want};
use super::vpx;
use crate::media::matroska::{
    BlockGroup, Children, ContentEncoding, Element, Parent, Part, TrackEntry, TrackType, Walker,
    ids, read_tracks, timestamp_scale,
};
use crate::media::mp3::FrameHeader as Mp3Header;
use crate::media::{
    AudioSpecificConfig, Coding, FrameHeader as FlacHeader, MediaError, OpusPacket, Piece,
};

const NANOS: i64 = 1_000_000_000;
/// The finest clock that is kept for pictures: microseconds.
const MAX_CLOCK: u64 = 1_000_000;

/// A frame of the wanted track.
struct Frame {
    bytes: Vec<u8>,
    at: u64,
    /// On the file's clock, in nanoseconds; `None` for the later frames of a lace.
    time_ns: Option<i64>,
    key: bool,
}

/// The frames of one track.
struct Frames {
    pieces: Pieces<Walker>,
    want: Want,
    scale: u64,
    track: Option<TrackEntry>,
    cluster: u64,
    queue: VecDeque<Frame>,
    given: u64,
}

impl Frames {
    fn new(source: &Source, want: Want) -> Self {
        Self {
            pieces: Pieces::new(source, Walker::default()),
            want,
            scale: 1_000_000,
            track: None,
            cluster: 0,
            queue: VecDeque::new(),
            given: 0,
        }
    }

    fn next(&mut self) -> Result<Option<Frame>, RenditionError> {
        while self.queue.is_empty() {
            let piece = match self.pieces.next() {
                Ok(Some(piece)) => piece,
                Ok(None) => return Ok(None),
                // A recording that was cut off ends inside an element.
                Err(MediaError::Malformed { .. }) if self.given > 0 && self.pieces.at_end() => {
                    return Ok(None);
                }
                Err(error) => return Err(error.into()),
            };
            self.piece(&piece)?;
        }
        self.given += 1;
        Ok(self.queue.pop_front())
    }

    fn piece(&mut self, piece: &Piece) -> Result<(), RenditionError> {
        let seen = self.pieces.framer().seen();
        if seen.part != Part::Whole {
            return Ok(());
        }
        let mut whole = Children::new(&piece.bytes, piece.at);
        let Some(element) = whole.next().transpose()? else { return Ok(()) };
        match (seen.parent, element.id) {
            (Parent::Segment, ids::INFO) => self.scale = timestamp_scale(&element)?,
            (Parent::Segment, ids::TRACKS) => {
                let kind = match self.want {
                    Want::Sound => TrackType::Audio,
                    Want::Picture => TrackType::Video,
                };
                let entries = read_tracks(&element)?;
                self.track = entries.into_iter().find(|entry| entry.kind == kind);
            }
            (Parent::Cluster, ids::TIMESTAMP) => self.cluster = element.uint()?,
            (Parent::Cluster, ids::SIMPLE_BLOCK | ids::BLOCK_GROUP) => self.block(&element)?,
            _ => {}
        }
        Ok(())
    }

    fn block(&mut self, element: &Element<'_>) -> Result<(), RenditionError> {
        let group = BlockGroup::read(element)?;
        let Some(track) = self.track.as_ref().filter(|track| track.number == group.block.track)
        else {
            return Ok(());
        };
        let ContentEncoding::HeaderStripping(stripped) = &track.encoding else {
            return Err(RenditionError::unsupported("a compressed or encrypted Matroska track"));
        };
        let time = i128::from(self.cluster) + i128::from(group.block.time);
        let time = i64::try_from(time * i128::from(self.scale)).unwrap_or(i64::MAX);
        let mut time = Some(time);
        for frame in group.block.frames {
            // Positions count from the element's header.
            let from = frame.start.saturating_sub(element.head);
            let to = frame.end.saturating_sub(element.head);
            let at = element.at.saturating_add(frame.start as u64);
            let content = element.content.get(from..to).unwrap_or_default();
            let bytes = [stripped.as_slice(), content].concat();
            self.queue.push_back(Frame { bytes, at, time_ns: time.take(), key: group.keyframe });
        }
        Ok(())
    }
}

/// How long a frame of sound plays.
#[derive(Clone, Copy)]
enum Clock {
    Fixed(u32),
    Opus,
    Mp3,
    Flac,
    /// Pictures: times tell.
    Times,
}

impl Clock {
    fn duration(self, frame: &Frame) -> Result<u32, MediaError> {
        let wrong = |what| MediaError::malformed(what, frame.at);
        match self {
            Self::Fixed(ticks) => Ok(ticks),
            Self::Times => Ok(0),
            Self::Opus => OpusPacket::read(&frame.bytes).map(|packet| packet.ticks).map_err(wrong),
            Self::Mp3 => Mp3Header::read(&frame.bytes)
                .map(mp3_samples)
                .ok_or_else(|| wrong("a block without an MP3 frame")),
            Self::Flac => FlacHeader::parse(&frame.bytes)
                .map(|header| header.block_size)
                .ok_or_else(|| wrong("a block without a FLAC frame")),
        }
    }
}

struct MatroskaUnits {
    frames: Frames,
    clock: Clock,
    timescale: u32,
    body: Vec<u8>,
}

impl Units for MatroskaUnits {
    fn next(&mut self) -> Result<Option<Found>, RenditionError> {
        let Some(frame) = self.frames.next()? else { return Ok(None) };
        let duration = self.clock.duration(&frame)?;
        let sound = Unit::sound(frame.bytes.len(), duration);
        let pictures = matches!(self.clock, Clock::Times);
        let unit = Unit { sync: frame.key || !pictures, ..sound };
        let ticks = |ns: i64| {
            let scaled = i128::from(ns) * i128::from(self.timescale);
            let half = i128::from(NANOS / 2);
            i64::try_from((scaled + half).div_euclid(i128::from(NANOS))).unwrap_or(i64::MAX)
        };
        self.body = frame.bytes;
        Ok(Some(Found { unit, time: frame.time_ns.map(ticks) }))
    }

    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError> {
        out.extend_from_slice(&self.body);
        Ok(())
    }
}

/// Opens the first track of a kind.
pub(super) fn open(source: &Source, want: Want) -> Result<Option<Opened>, RenditionError> {
    let mut frames = Frames::new(source, want);
    let first = frames.next()?;
    let (Some(track), Some(first)) = (frames.track, first) else { return Ok(None) };
    if track.bent_clock {
        return Err(RenditionError::unsupported("a Matroska track with a clock of its own"));
    }
    let first_us = first.time_ns.unwrap_or(0) / 1000;
    let units = |clock, timescale| {
        let frames = Frames::new(source, want);
        Box::new(MatroskaUnits { frames, clock, timescale, body: Vec::new() })
    };
    if want == Want::Picture {
        let clock = u64::try_from(NANOS).unwrap_or(1) / frames.scale.max(1);
        let timescale = u32::try_from(clock.clamp(1000, MAX_CLOCK)).unwrap_or(1000);
        let entry = picture(&track, &first)?;
        let size = pixels(&track)?;
        let input = picture_input(size, timescale, entry, units(Clock::Times, timescale));
        return Ok(Some(Opened::Copied(Input { first_us, ..input })));
    }
    if let Some(bits) = decoded_bits(&track) {
        let samples = match bits {
            Bits::Lossy => Foreign::lossy(source)?,
            Bits::Exact(bits) => Foreign::exact(source, bits)?,
        };
        return Ok(Some(Opened::Decoded { samples: Box::new(samples), first_us }));
    }
    let input = sound(&track, &first, units)?;
    let delay = u64::try_from(
        i128::from(track.codec_delay_ns) * i128::from(input.timescale) / i128::from(NANOS),
    );
    let skip = input.skip.or(delay.ok().filter(|ticks| *ticks > 0));
    Ok(Some(Opened::Copied(Input { first_us, skip, ..input })))
}

/// How a track is decoded that is not copied.
enum Bits {
    Lossy,
    Exact(Option<u32>),
}

fn decoded_bits(track: &TrackEntry) -> Option<Bits> {
    let bits = u32::try_from(track.audio.bit_depth).ok().filter(|bits| *bits > 0);
    match track.codec_id.as_str() {
        "A_VORBIS" => Some(Bits::Lossy),
        "A_PCM/INT/LIT" | "A_PCM/INT/BIG" => Some(Bits::Exact(bits)),
        "A_ALAC" => Some(Bits::Exact(bits)),
        _ => None,
    }
}

fn sound(
    track: &TrackEntry,
    first: &Frame,
    units: impl Fn(Clock, u32) -> Box<MatroskaUnits>,
) -> Result<Input, RenditionError> {
    let private = track.codec_private.as_slice();
    let at = track.codec_private_at;
    match track.codec_id.as_str() {
        "A_OPUS" => ogg::opus(private, at, units(Clock::Opus, 48_000)),
        "A_AAC" => {
            let config = AudioSpecificConfig::parse(private, at)?;
            let channels = match config.channel_configuration {
                0 => u16::try_from(track.audio.channels).unwrap_or(1),
                7 => 8,
                count => u16::from(count),
            };
            let rate = config.sample_rate;
            let entry = entry::mp4a(entry::AAC, channels, rate, private);
            let units = units(Clock::Fixed(config.frame_samples), rate);
            let coding = Coding::Aac(private.to_vec());
            let input = sound_input((channels, rate), entry, units, Some(coding));
            Ok(Input { preroll: Preroll::ticks(1024), ..input })
        }
        "A_MPEG/L3" => {
            let header = Mp3Header::read(&first.bytes);
            let header = header.ok_or_else(|| MediaError::malformed("no MP3 frame", first.at))?;
            let channels = u16::try_from(header.channels()).unwrap_or(1);
            let rate = header.sample_rate();
            let (entry, units) = (entry::mp3(channels, rate), units(Clock::Mp3, rate));
            let input = sound_input((channels, rate), entry, units, Some(Coding::Mp3));
            Ok(Input { preroll: mp3_preroll(header), ..input })
        }
        "A_FLAC" => {
            // Marker and block header come first.
            let info = private.get(8..8 + STREAMINFO_BYTES);
            let damaged = || MediaError::malformed("a damaged FLAC header", at);
            let info = info.filter(|_| private.starts_with(b"fLaC")).ok_or_else(damaged)?;
            let rate = crate::media::StreamInfo::parse(info).ok_or_else(damaged)?.rate;
            flac_input(info, at, units(Clock::Flac, rate))
        }
        other => Err(RenditionError::unsupported(format!("{} in Matroska", other.escape_debug()))),
    }
}

fn pixels(track: &TrackEntry) -> Result<(u16, u16), RenditionError> {
    let (width, height) = track.pixels;
    match (u16::try_from(width), u16::try_from(height)) {
        (Ok(width), Ok(height)) if width > 0 && height > 0 => Ok((width, height)),
        _ => {
            let what = format!("a picture of {width} x {height}");
            Err(RenditionError::unsupported(what))
        }
    }
}

fn picture(track: &TrackEntry, first: &Frame) -> Result<Vec<u8>, RenditionError> {
    let (size, private) = (pixels(track)?, track.codec_private.as_slice());
    let configured = |kind: &[u8; 4], config_kind: &[u8; 4]| {
        let missing = || MediaError::malformed("a track without its configuration", first.at);
        Some(private)
            .filter(|private| !private.is_empty())
            .map(|private| entry::picture(kind, size, config_kind, private))
            .ok_or_else(|| missing().into())
    };
    match track.codec_id.as_str() {
        "V_MPEG4/ISO/AVC" => configured(b"avc1", b"avcC"),
        "V_MPEGH/ISO/HEVC" => configured(b"hvc1", b"hvcC"),
        "V_AV1" => configured(b"av01", b"av1C"),
        "V_VP8" => Ok(entry::picture(b"vp08", size, b"vpcC", &vpx::vp8(size))),
        "V_VP9" => {
            let config = vpx::vp9(size, &first.bytes);
            let wrong = || MediaError::malformed("no VP9 key frame", first.at);
            Ok(entry::picture(b"vp09", size, b"vpcC", &config.ok_or_else(wrong)?))
        }
        other => Err(RenditionError::unsupported(format!("{} in Matroska", other.escape_debug()))),
    }
}
