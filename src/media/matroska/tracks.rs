//! `Info` and `Tracks` (RFC 9559 sections 5.1.2 and 5.1.4).

use super::ebml::Element;
use super::ids;
use crate::media::MediaError;

/// Most tracks of a file.
pub const MAX_TRACKS: usize = 64;
/// Longest timestamp unit in nanoseconds: a minute.
const MAX_TIMESTAMP_SCALE: u64 = 60_000_000_000;
/// Longest delay or frame duration of a track in nanoseconds: an hour.
const MAX_TRACK_NS: u64 = 3_600_000_000_000;
/// Nanoseconds per timestamp unit where a file does not say.
const DEFAULT_TIMESTAMP_SCALE: u64 = 1_000_000;

/// What a track holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrackType {
    /// Pictures.
    Video,
    /// Sound.
    Audio,
    /// Anything else: subtitles, buttons, metadata.
    Other(u64),
}

/// What was done to a track's frames before they were stored (RFC 9559 section 5.1.4.1.31).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ContentEncoding {
    /// Every frame lacks these first bytes; empty when nothing was done.
    HeaderStripping(Vec<u8>),
    /// Compressed, encrypted, or both: the frames cannot be read.
    Opaque,
}

/// The elements of `Audio`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Audio {
    /// `SamplingFrequency` in Hz.
    pub sampling_frequency: f64,
    /// `Channels`.
    pub channels: u64,
    /// `BitDepth`; 0 when not given.
    pub bit_depth: u64,
}

/// A `TrackEntry`.
#[derive(Debug, Clone, PartialEq)]
pub struct TrackEntry {
    /// `TrackNumber`.
    pub number: u64,
    /// `TrackType`.
    pub kind: TrackType,
    /// `CodecID`.
    pub codec_id: String,
    /// `CodecPrivate`; empty when not given.
    pub codec_private: Vec<u8>,
    /// Offset of `CodecPrivate`'s content in the file.
    pub codec_private_at: u64,
    /// `CodecDelay` in nanoseconds: what players subtract from the track's timestamps.
    pub codec_delay_ns: u64,
    /// `DefaultDuration` of a frame in nanoseconds.
    pub default_duration_ns: Option<u64>,
    /// `ContentEncodings`.
    pub encoding: ContentEncoding,
    /// `Audio`.
    pub audio: Audio,
    /// `PixelWidth` and `PixelHeight` of `Video`; 0 when not given.
    pub pixels: (u64, u64),
    /// Whether the deprecated `TrackTimestampScale` or `TrackOffset` bends the track's clock.
    pub bent_clock: bool,
}

/// Nanoseconds per timestamp unit, from an `Info` element.
///
/// # Errors
/// Malformed, and a limit for units beyond a minute.
pub fn timestamp_scale(info: &Element<'_>) -> Result<u64, MediaError> {
    let mut scale = DEFAULT_TIMESTAMP_SCALE;
    for child in info.children() {
        let child = child?;
        if child.id == ids::TIMESTAMP_SCALE {
            scale = child.uint()?;
        }
    }
    if scale == 0 {
        return Err(MediaError::malformed("a timestamp scale of 0", info.at));
    }
    MediaError::check("the timestamp scale", scale, MAX_TIMESTAMP_SCALE)?;
    Ok(scale)
}

/// The entries of a `Tracks` element.
///
/// # Errors
/// Malformed, and a limit for more than [`MAX_TRACKS`].
pub fn read_tracks(tracks: &Element<'_>) -> Result<Vec<TrackEntry>, MediaError> {
    let mut entries: Vec<TrackEntry> = Vec::new();
    for child in tracks.children() {
        let child = child?;
        if child.id != ids::TRACK_ENTRY {
            continue;
        }
        MediaError::check("the number of tracks", entries.len() as u64 + 1, MAX_TRACKS as u64)?;
        let entry = read_entry(&child)?;
        if entries.iter().any(|other| other.number == entry.number) {
            return Err(MediaError::malformed("a second track of the same number", child.at));
        }
        entries.push(entry);
    }
    Ok(entries)
}

fn read_entry(element: &Element<'_>) -> Result<TrackEntry, MediaError> {
    let mut entry = TrackEntry {
        number: 0,
        kind: TrackType::Other(0),
        codec_id: String::new(),
        codec_private: Vec::new(),
        codec_private_at: 0,
        codec_delay_ns: 0,
        default_duration_ns: None,
        encoding: ContentEncoding::HeaderStripping(Vec::new()),
        audio: Audio { sampling_frequency: 8000.0, channels: 1, bit_depth: 0 },
        pixels: (0, 0),
        bent_clock: false,
    };
    let limited = |value| MediaError::check("a time of a track", value, MAX_TRACK_NS);
    for child in element.children() {
        let child = child?;
        match child.id {
            ids::TRACK_NUMBER => entry.number = child.uint()?,
            ids::TRACK_TYPE => {
                entry.kind = match child.uint()? {
                    1 => TrackType::Video,
                    2 => TrackType::Audio,
                    other => TrackType::Other(other),
                }
            }
            ids::CODEC_ID => entry.codec_id = child.text(),
            ids::CODEC_PRIVATE => {
                entry.codec_private = child.content.to_vec();
                entry.codec_private_at = child.content_at();
            }
            ids::CODEC_DELAY => entry.codec_delay_ns = child.uint()?,
            ids::DEFAULT_DURATION => entry.default_duration_ns = Some(child.uint()?),
            ids::TRACK_TIMESTAMP_SCALE => entry.bent_clock |= child.float()? != 1.0,
            ids::TRACK_OFFSET => entry.bent_clock |= child.uint()? != 0,
            ids::AUDIO => entry.audio = read_audio(&child)?,
            ids::VIDEO => entry.pixels = read_video(&child)?,
            ids::CONTENT_ENCODINGS => entry.encoding = read_encodings(&child)?,
            _ => {}
        }
    }
    limited(entry.codec_delay_ns)?;
    limited(entry.default_duration_ns.unwrap_or(0))?;
    if entry.number == 0 {
        return Err(MediaError::malformed("a track without a number", element.at));
    }
    Ok(entry)
}

fn read_audio(element: &Element<'_>) -> Result<Audio, MediaError> {
    let mut audio = Audio { sampling_frequency: 8000.0, channels: 1, bit_depth: 0 };
    for child in element.children() {
        let child = child?;
        match child.id {
            ids::SAMPLING_FREQUENCY => audio.sampling_frequency = child.float()?,
            ids::CHANNELS => audio.channels = child.uint()?,
            ids::BIT_DEPTH => audio.bit_depth = child.uint()?,
            _ => {}
        }
    }
    Ok(audio)
}

fn read_video(element: &Element<'_>) -> Result<(u64, u64), MediaError> {
    let mut pixels = (0, 0);
    for child in element.children() {
        let child = child?;
        match child.id {
            ids::PIXEL_WIDTH => pixels.0 = child.uint()?,
            ids::PIXEL_HEIGHT => pixels.1 = child.uint()?,
            _ => {}
        }
    }
    Ok(pixels)
}

/// One encoding that only strips headers of frames can be undone; anything else is opaque.
fn read_encodings(element: &Element<'_>) -> Result<ContentEncoding, MediaError> {
    let mut found = ContentEncoding::HeaderStripping(Vec::new());
    for (index, child) in element.children().enumerate() {
        let child = child?;
        let readable = index == 0 && child.id == ids::CONTENT_ENCODING;
        found = match stripped_header(&child)? {
            Some(header) if readable => ContentEncoding::HeaderStripping(header),
            _ => return Ok(ContentEncoding::Opaque),
        };
    }
    Ok(found)
}

fn stripped_header(encoding: &Element<'_>) -> Result<Option<Vec<u8>>, MediaError> {
    // Defaults of the specification: frames only, compression, zlib.
    let (mut scope, mut kind, mut algorithm, mut settings) = (1, 0, 0, Vec::new());
    for child in encoding.children() {
        let child = child?;
        match child.id {
            ids::CONTENT_ENCODING_SCOPE => scope = child.uint()?,
            ids::CONTENT_ENCODING_TYPE => kind = child.uint()?,
            ids::CONTENT_COMPRESSION => {
                for child in child.children() {
                    let child = child?;
                    match child.id {
                        ids::CONTENT_COMP_ALGO => algorithm = child.uint()?,
                        ids::CONTENT_COMP_SETTINGS => settings = child.content.to_vec(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    Ok(((scope, kind, algorithm) == (1, 0, 3)).then_some(settings))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::matroska::Children;

    fn element(id: &[u8], content: &[u8]) -> Vec<u8> {
        [id, &[0x40, content.len() as u8], content].concat()
    }

    fn read(entries: &[Vec<u8>]) -> Result<Vec<TrackEntry>, MediaError> {
        let bytes = element(&[0x16, 0x54, 0xAE, 0x6B], &entries.concat());
        read_tracks(&Children::new(&bytes, 0).next().unwrap().unwrap())
    }

    #[test]
    fn entries_and_encodings() {
        let encoding = |algorithm, extra: &[u8]| {
            let algorithm = element(&[0x42, 0x54], &[algorithm]);
            let settings = element(&[0x42, 0x55], &[0x0B, 0x77]);
            let compression = element(&[0x50, 0x34], &[algorithm, settings].concat());
            element(&[0x62, 0x40], &[compression, extra.to_vec()].concat())
        };
        let entry = |encodings: &[Vec<u8>]| {
            let audio = element(&[0xE1], &element(&[0xB5], &16_000_f32.to_be_bytes()));
            let fields = [
                element(&[0xD7], &[3]),
                element(&[0x83], &[2]),
                element(&[0x86], b"A_AC3\0\0"),
                audio,
                element(&[0x6D, 0x80], &encodings.concat()),
            ];
            element(&[0xAE], &fields.concat())
        };
        let found = |encodings: &[Vec<u8>]| read(&[entry(encodings)]).unwrap().remove(0);
        let plain = found(&[]);
        assert_eq!((plain.number, plain.kind, &*plain.codec_id), (3, TrackType::Audio, "A_AC3"));
        assert_eq!(plain.audio.sampling_frequency, 16_000.0);
        assert_eq!(plain.encoding, ContentEncoding::HeaderStripping(vec![]));
        let stripped = encoding(3, &[]);
        let header = ContentEncoding::HeaderStripping(vec![0x0B, 0x77]);
        assert_eq!(found(std::slice::from_ref(&stripped)).encoding, header);
        let scope = element(&[0x50, 0x32], &[3]);
        for opaque in [vec![encoding(0, &[])], vec![encoding(3, &scope)], vec![stripped; 2]] {
            assert_eq!(found(&opaque).encoding, ContentEncoding::Opaque);
        }
        assert!(read(&[entry(&[]), entry(&[])]).is_err());
        assert!(read(&[element(&[0xAE], &[])]).is_err());
    }
}
