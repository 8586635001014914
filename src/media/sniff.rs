//! Which container a file is, from its first bytes. A declared type is compared, never believed.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::AdtsHeader;
use super::gsm::is_gsm;
use super::mp3::FrameHeader;
use crate::asset::MediaType;

/// How many first bytes [`sniff`] wants; fewer are fine for short files.
pub const SNIFF_BYTES: usize = 16 * 1024;

/// The containers that can be told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Container {
    /// RIFF WAVE, the big-endian `RIFX` included.
    Wav,
    /// RF64 or BW64: WAVE with 64-bit sizes.
    Rf64,
    /// MPEG audio layer III.
    Mp3,
    /// ISO base media: MP4, M4A, fragmented MP4.
    Mp4,
    /// Ogg.
    Ogg,
    /// Matroska and WebM.
    Matroska,
    /// Native FLAC.
    Flac,
    /// AAC in ADTS frames.
    Adts,
    /// AMR-NB or AMR-WB storage format.
    Amr,
    /// GSM 06.10 without a container.
    Gsm,
    /// None of these.
    Unknown,
}

impl Container {
    /// The name in reports and logs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Wav => "wav",
            Self::Rf64 => "rf64",
            Self::Mp3 => "mp3",
            Self::Mp4 => "mp4",
            Self::Ogg => "ogg",
            Self::Matroska => "matroska",
            Self::Flac => "flac",
            Self::Adts => "adts",
            Self::Amr => "amr",
            Self::Gsm => "gsm",
            Self::Unknown => "unknown",
        }
    }

    /// Whether a file of the declared type may be in this container.
    pub const fn agrees_with(self, declared: MediaType) -> bool {
        match self {
            Self::Wav | Self::Rf64 => matches!(declared, MediaType::Wav),
            Self::Mp3 => matches!(declared, MediaType::Mp3),
            Self::Mp4 => matches!(declared, MediaType::M4a | MediaType::Mp4),
            Self::Ogg => matches!(declared, MediaType::Ogg),
            Self::Matroska => matches!(declared, MediaType::Webm | MediaType::Matroska),
            Self::Flac => matches!(declared, MediaType::Flac),
            Self::Adts => matches!(declared, MediaType::Aac),
            Self::Amr => matches!(declared, MediaType::Amr),
            // No declared type stands for it yet.
            Self::Gsm => matches!(declared, MediaType::Gsm),
            Self::Unknown => false,
        }
    }
}

impl fmt::Display for Container {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Recognises a container from the first bytes of a file.
///
/// An ID3v2 tag is stepped over; when it is longer than `head` the file is taken for an MP3.
pub fn sniff(head: &[u8]) -> Container {
    let tag = id3v2_len(head);
    let Some(body) = usize::try_from(tag).ok().and_then(|tag| head.get(tag..)) else {
        return Container::Mp3;
    };
    let is = |at: usize, magic: &[u8]| body.get(at..).is_some_and(|rest| rest.starts_with(magic));
    if is(8, b"WAVE") && (is(0, b"RIFF") || is(0, b"RIFX")) {
        Container::Wav
    } else if is(8, b"WAVE") && (is(0, b"RF64") || is(0, b"BW64")) {
        Container::Rf64
    } else if is(4, b"ftyp") || is(4, b"styp") || is(4, b"moov") {
        Container::Mp4
    } else if is(0, b"OggS") {
        Container::Ogg
    } else if is(0, &[0x1A, 0x45, 0xDF, 0xA3]) {
        Container::Matroska
    } else if is(0, b"fLaC") {
        Container::Flac
    } else if is(0, b"#!AMR\n") || is(0, b"#!AMR-WB\n") {
        Container::Amr
    } else if two_frames(body, mp3_frame) {
        Container::Mp3
    } else if two_frames(body, adts_frame) {
        Container::Adts
    } else if tag == 0 && is_gsm(body) {
        Container::Gsm
    } else {
        Container::Unknown
    }
}

/// Length of the ID3v2 tag that `head` begins with, header and footer included; 0 without one.
pub(super) fn id3v2_len(head: &[u8]) -> u64 {
    let Some(&[b'I', b'D', b'3', major, _, flags, a, b, c, d]) = head.first_chunk::<10>() else {
        return 0;
    };
    if major == 0xFF || [a, b, c, d].iter().any(|byte| byte & 0x80 != 0) {
        return 0;
    }
    // ID3v2.4 section 6.2: seven bits per byte. Flag 0x10 announces a footer of ten bytes.
    let size = [a, b, c, d].iter().fold(0_u64, |sum, byte| (sum << 7) | u64::from(*byte));
    size + if flags & 0x10 != 0 { 20 } else { 10 }
}

/// What a frame header says of the frame.
struct FrameHead {
    /// Length with header; `None` when the header does not say (free format).
    len: Option<usize>,
    /// The bits that two frames of one stream share.
    family: u32,
}

/// Whether `body` begins with a frame, and goes on with another of the same stream if it is long
/// enough to hold its header. One sync word alone turns up in any compressed data.
fn two_frames(body: &[u8], read: fn(&[u8]) -> Option<FrameHead>) -> bool {
    let Some(first) = read(body) else { return false };
    let Some(rest) = first.len.and_then(|len| body.get(len..)) else { return true };
    rest.len() < 7 || read(rest).is_some_and(|second| second.family == first.family)
}

/// A frame of MPEG audio, layer III.
fn mp3_frame(bytes: &[u8]) -> Option<FrameHead> {
    let header = FrameHeader::read(bytes)?;
    Some(FrameHead { len: header.frame_len(), family: header.family() })
}

/// ADTS header.
fn adts_frame(bytes: &[u8]) -> Option<FrameHead> {
    let header = AdtsHeader::parse(bytes)?;
    Some(FrameHead { len: Some(header.frame_bytes), family: header.stream() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn containers_are_told_apart_by_their_bytes() {
        for (head, expected) in [
            (&b"RIFF\0\0\0\0WAVEfmt "[..], Container::Wav),
            (b"RIFX\0\0\0\0WAVEfmt ", Container::Wav),
            (b"RF64\xFF\xFF\xFF\xFFWAVEds64", Container::Rf64),
            (b"BW64\xFF\xFF\xFF\xFFWAVEds64", Container::Rf64),
            (b"RIFF\0\0\0\0AVI LIST", Container::Unknown),
            (b"\0\0\0\x20ftypisom", Container::Mp4),
            (b"OggS\0\x02", Container::Ogg),
            (b"\x1A\x45\xDF\xA3", Container::Matroska),
            (b"fLaC\0", Container::Flac),
            (b"#!AMR\n\x3C", Container::Amr),
            (b"#!AMR-WB\n", Container::Amr),
            (b"<html>", Container::Unknown),
            (b"", Container::Unknown),
        ] {
            assert_eq!(sniff(head), expected, "{head:?}");
        }
    }

    #[test]
    fn a_lone_sync_word_is_not_an_mp3() {
        // MPEG-2.5 layer III, 8 kHz, 32 kbit/s: frames of 288 bytes.
        let mut mp3 = vec![0; 600];
        mp3[..4].copy_from_slice(&[0xFF, 0xE3, 0x48, 0xC4]);
        assert_eq!(sniff(&mp3), Container::Unknown);
        mp3[288..292].copy_from_slice(&[0xFF, 0xE3, 0x48, 0xC4]);
        assert_eq!(sniff(&mp3), Container::Mp3);
        let mut tagged = b"ID3\x04\0\0\0\0\x01\x00".to_vec();
        tagged.resize(10 + 128, 0);
        tagged.extend_from_slice(&mp3);
        assert_eq!(sniff(&tagged), Container::Mp3);
        assert_eq!(sniff(b"ID3\x04\0\0\0\x7F\x7F\x7F"), Container::Mp3);
    }

    #[test]
    fn adts_needs_a_second_frame_of_the_same_stream() {
        let frame = [0xFF, 0xF1, 0x50, 0x80, 0x01, 0x7F, 0xFC, 0, 0, 0, 0];
        assert_eq!(sniff(&[frame, frame].concat()), Container::Adts);
        assert_eq!(sniff(&[&frame[..], &[0; 11]].concat()), Container::Unknown);
    }

    #[test]
    fn declared_types_are_compared() {
        assert!(Container::Rf64.agrees_with(MediaType::Wav));
        assert!(Container::Mp4.agrees_with(MediaType::M4a));
        assert!(Container::Matroska.agrees_with(MediaType::Webm));
        assert!(!Container::Wav.agrees_with(MediaType::Mp3));
        assert!(!Container::Unknown.agrees_with(MediaType::Wav));
    }
}
