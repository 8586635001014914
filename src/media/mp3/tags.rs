//! Tags between and around the frames: ID3v2, ID3v1, APE, Lyrics3.

use std::ops::Range;

use crate::media::MediaError;
use crate::media::sniff::id3v2_len;

/// Longest tag that is taken, cover pictures included.
pub const MAX_TAG_BYTES: usize = 4 * 1024 * 1024;
/// Most frames of one ID3v2 tag.
const MAX_ID3_FRAMES: usize = 4096;
/// Length of an ID3v1 tag.
const ID3V1_BYTES: usize = 128;
/// Length of the header and of the footer of an APE tag.
const APE_BYTES: usize = 32;
/// How many bytes of a tag's start tell its length.
pub(super) const TAG_HEAD_BYTES: usize = APE_BYTES;
/// Longest Lyrics3 tag that is looked through for its end.
const MAX_LYRICS_BYTES: usize = 64 * 1024;

/// Whether a stretch of bytes begins with a tag's magic.
pub fn is_tag(bytes: &[u8]) -> bool {
    [&b"ID3"[..], b"TAG", b"APETAGEX", b"LYRICSBEGIN"].iter().any(|magic| bytes.starts_with(magic))
}

/// Length of the tag that `window` begins with; `None` without one. It may be longer than
/// `window`, and is never 0.
///
/// # Errors
/// A limit when the tag is longer than [`MAX_TAG_BYTES`].
pub(super) fn tag_len(window: &[u8]) -> Result<Option<usize>, MediaError> {
    let len = if window.starts_with(b"ID3") {
        id3v2_len(window)
    } else if window.starts_with(b"TAG") {
        ID3V1_BYTES as u64
    } else if window.starts_with(b"APETAGEX") {
        ape_len(window)
    } else if window.starts_with(b"LYRICSBEGIN") {
        lyrics_len(window) as u64
    } else {
        return Ok(None);
    };
    MediaError::check("the length of a tag", len, MAX_TAG_BYTES as u64)?;
    Ok(usize::try_from(len).ok().filter(|len| *len > 0))
}

/// APEv2: size without header at 12, flags at 20; bit 29 tells a header from a lone footer.
fn ape_len(window: &[u8]) -> u64 {
    let field = |at: usize| {
        let bytes = window.get(at..).and_then(|rest| rest.first_chunk::<4>());
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    };
    let body = if field(20) & 0x2000_0000 == 0 { 0 } else { field(12) };
    APE_BYTES as u64 + u64::from(body)
}

/// Lyrics3: up to and with `LYRICSEND` or `LYRICS200`; the most that is looked through without it.
fn lyrics_len(window: &[u8]) -> usize {
    let ends = |part: &&[u8]| *part == b"LYRICSEND" || *part == b"LYRICS200";
    let searched = window.get(..MAX_LYRICS_BYTES).unwrap_or(window);
    let end = searched.windows(9).enumerate().find(|(_, part)| ends(part));
    end.map_or(MAX_LYRICS_BYTES, |(at, _)| at + 9)
}

/// A frame of an ID3v2 tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Id3Frame {
    /// Three letters in ID3v2.2, else four.
    pub id: Vec<u8>,
    /// Where its two flag bytes are in the tag; empty in ID3v2.2.
    pub flags: Range<usize>,
    /// Where its content is in the tag.
    pub content: Range<usize>,
}

/// The frames of a whole ID3v2 tag; `None` when they cannot be told apart: unsynchronised as a
/// whole, compressed, or damaged.
pub fn id3v2_frames(tag: &[u8]) -> Option<Vec<Id3Frame>> {
    let [_, _, _, major, _, flags, ..] = *tag.first_chunk::<10>()?;
    let footer = if flags & 0x10 == 0 { 0 } else { 10 };
    let body_end = tag.len().checked_sub(footer)?;
    // Sizes of 2.4 are those of the unsynchronised frame; older ones are not.
    if !(2..=4).contains(&major) || (major < 4 && flags & 0x80 != 0) {
        return None;
    }
    let mut at = 10_usize;
    if flags & 0x40 != 0 {
        let extended = size(tag, at, 4, major)?;
        at = at.checked_add(match major {
            2 => return None,
            3 => extended.checked_add(4)?,
            _ => extended,
        })?;
    }
    let (id_len, head_len) = if major == 2 { (3, 6) } else { (4, 10) };
    let mut frames = Vec::new();
    while at.checked_add(head_len)? <= body_end && *tag.get(at)? != 0 {
        let id = tag.get(at..at + id_len)?;
        let len = size(tag, at + id_len, if major == 2 { 3 } else { 4 }, major)?;
        let start = at + head_len;
        let end = start.checked_add(len).filter(|end| *end <= body_end)?;
        let legal = id.iter().all(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit());
        if !legal || frames.len() >= MAX_ID3_FRAMES {
            return None;
        }
        let flags = if major == 2 { start..start } else { start - 2..start };
        frames.push(Id3Frame { id: id.to_vec(), flags, content: start..end });
        at = end;
    }
    Some(frames)
}

/// A size of `count` bytes, of seven bits each from version 4 on.
fn size(tag: &[u8], at: usize, count: usize, major: u8) -> Option<usize> {
    let bytes = tag.get(at..at.checked_add(count)?)?;
    let bits = if major == 4 { 7 } else { 8 };
    if major == 4 && bytes.iter().any(|byte| byte & 0x80 != 0) {
        return None;
    }
    bytes
        .iter()
        .try_fold(0_usize, |sum, byte| sum.checked_mul(1 << bits)?.checked_add(usize::from(*byte)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_have_the_length_that_they_say() {
        let len = |bytes: &[u8]| tag_len(bytes).unwrap();
        assert_eq!(len(b"ID3\x04\0\0\0\0\x01\x00"), Some(138));
        assert_eq!(len(b"ID3\x04\0\x10\0\0\x01\x00"), Some(148));
        assert_eq!(len(b"TAG"), Some(128));
        let mut ape = b"APETAGEX\xD0\x07\0\0\x40\0\0\0\x01\0\0\0\0\0\0\xA0".to_vec();
        assert_eq!(len(&ape), Some(96));
        ape[23] = 0x80;
        assert_eq!(len(&ape), Some(32));
        assert_eq!(len(b"LYRICSBEGINhello000014LYRICS200"), Some(31));
        assert_eq!(len(b"\xFF\xFB\x90\x64"), None);
        assert!(tag_len(b"ID3\x04\0\0\x7F\0\0\0").is_err());
    }

    #[test]
    fn id3_frames_are_told_apart_in_every_version() {
        let frames = |tag: &[u8]| {
            let frames = id3v2_frames(tag)?;
            Some(frames.into_iter().map(|frame| (frame.id, frame.content)).collect::<Vec<_>>())
        };
        let two = b"ID3\x02\0\0\0\0\0\x10ULT\0\0\x02abTT2\0\0\x01c\0\0\0";
        let expected = [(b"ULT".to_vec(), 16..18), (b"TT2".to_vec(), 24..25)];
        assert_eq!(frames(two).unwrap(), expected);
        let three = b"ID3\x03\0\x40\0\0\0\x18\0\0\0\x06\0\0\0\0\0\0USLT\0\0\0\x03\0\0abc\0";
        assert_eq!(frames(three).unwrap(), [(b"USLT".to_vec(), 30..33)]);
        let four = b"ID3\x04\0\x40\0\0\0\x18\0\0\0\x06\0\0SYLT\0\0\0\x03\0\0abc\0\0\0\0\0";
        assert_eq!(frames(four).unwrap(), [(b"SYLT".to_vec(), 26..29)]);
        assert_eq!(frames(b"ID3\x03\0\x80\0\0\0\x0CUSLT\0\0\0\x02\0\0ab"), None);
        assert_eq!(frames(b"ID3\x03\0\0\0\0\0\x0CUSLT\0\0\0\x03\0\0ab"), None);
        assert_eq!(frames(b"ID3\x03\0\0\0\0\0\x0Cusl!\0\0\0\x02\0\0ab"), None);
    }
}
