//! Cuts a file into frames, tags, and what is neither.

use super::FrameHeader;
use super::frame::MAX_FREE_FORMAT_BYTES;
use super::tags::{MAX_TAG_BYTES, TAG_HEAD_BYTES, tag_len};
use crate::media::{Cut, Framer, MediaError};

/// How many bytes after a place in a file tell whether a frame begins there: the longest frame,
/// and the one after it with its header.
const LOOK_AHEAD_BYTES: usize = 2 * MAX_FREE_FORMAT_BYTES + FrameHeader::LEN;
/// How many bytes are searched for a frame at a time.
const SEARCH_BYTES: usize = 48 * 1024;
/// Most bytes before the first frame that are neither frame nor tag. Only they are searched for
/// free format, which takes a look at thousands of places for each candidate.
const MAX_LEADING_BYTES: u64 = 64 * 1024;
/// Most bytes between two frames, tags included. They wait for the frame after them.
const MAX_BETWEEN_BYTES: u64 = 2 * MAX_TAG_BYTES as u64;

/// Cuts frames at the length that their headers tell, and in free format at the distance between
/// the first two. Where no frame follows a frame, two matching headers must be found again.
#[derive(Debug, Default)]
pub struct Mp3Framer {
    family: Option<u32>,
    /// Length of a free format frame without padding, once it was measured.
    free_len: Option<usize>,
    /// Whether the last cut was a frame, so that one header is enough.
    in_step: bool,
    /// Bytes before the first frame that are no tag.
    leading: u64,
    /// Bytes since the last frame.
    between: u64,
}

/// What stands at a place.
enum Found {
    /// A frame of so many bytes.
    Frame(FrameHeader, usize),
    Nothing,
    /// The window is too short to tell.
    Unknown,
}

impl Mp3Framer {
    fn belongs(&self, header: FrameHeader) -> bool {
        self.family.is_none_or(|family| family == header.family())
    }

    fn len_at(&self, header: FrameHeader) -> Option<usize> {
        header.frame_len().or_else(|| Some(self.free_len? + header.padding()))
    }

    /// Whether `window` begins with a frame that another one of its stream follows, or the end.
    fn confirm(&self, window: &[u8], last: bool) -> Found {
        let Some(header) = FrameHeader::read(window) else { return Found::Nothing };
        let len = match self.len_at(header) {
            Some(len) => len,
            None if self.family.is_some() => return Found::Nothing,
            None => match free_format_len(header, window, last) {
                Some(len) => len,
                None if last => return Found::Nothing,
                None if window.len() < LOOK_AHEAD_BYTES => return Found::Unknown,
                None => return Found::Nothing,
            },
        };
        let next = window.get(len..).unwrap_or_default();
        match FrameHeader::read(next) {
            Some(next) if next.family() == header.family() => Found::Frame(header, len),
            // The first frame of a file may be its last, and cut off.
            None if last && next.is_empty() && (self.family.is_none() || window.len() == len) => {
                Found::Frame(header, len)
            }
            None if next.len() < FrameHeader::LEN && !last => Found::Unknown,
            _ => Found::Nothing,
        }
    }

    /// How far the next frame is.
    fn search(&self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        for from in 0..window.len() {
            let rest = window.get(from..).unwrap_or_default();
            if rest.first() != Some(&0xFF) {
                continue;
            }
            match self.confirm(rest, last) {
                Found::Frame(header, _) if self.belongs(header) => return Ok(between(from)),
                Found::Frame(..) => {
                    let what =
                        format!("another kind of MPEG audio from byte {at} on, after others");
                    return Err(MediaError::unsupported(what));
                }
                Found::Unknown if from == 0 => return Ok(Cut::More(LOOK_AHEAD_BYTES)),
                Found::Unknown => return Ok(between(from)),
                Found::Nothing => {}
            }
        }
        Ok(Cut::Between(window.len()))
    }

    /// What stands at the start of `window`.
    fn next(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        if window.len() < TAG_HEAD_BYTES && !last {
            return Ok(Cut::More(TAG_HEAD_BYTES));
        }
        if let Some(len) = tag_len(window)? {
            return Ok(match window.len() {
                have if have >= len => Cut::Between(len),
                have if last => Cut::Between(have),
                _ => Cut::More(len),
            });
        }
        let in_step = std::mem::take(&mut self.in_step);
        let header = FrameHeader::read(window).filter(|header| self.belongs(*header));
        if let Some((header, len)) =
            header.filter(|_| in_step).and_then(|header| Some((header, self.len_at(header)?)))
        {
            if window.len() < len && !last {
                self.in_step = true;
                return Ok(Cut::More(len));
            }
            return Ok(self.unit(header, len, window));
        }
        if header.is_some() {
            match self.confirm(window, last) {
                Found::Frame(header, len) if window.len() >= len || last => {
                    return Ok(self.unit(header, len, window));
                }
                Found::Frame(..) | Found::Unknown => return Ok(Cut::More(LOOK_AHEAD_BYTES)),
                Found::Nothing => {}
            }
        }
        if window.len() < SEARCH_BYTES && !last {
            return Ok(Cut::More(SEARCH_BYTES));
        }
        let found = self.search(window, at, last)?;
        if let (None, Cut::Between(len)) = (self.family, found) {
            self.leading = self.leading.saturating_add(len as u64);
            if self.leading > MAX_LEADING_BYTES {
                return Err(MediaError::malformed("no MP3 frame where the sound begins", at));
            }
        }
        Ok(found)
    }

    fn unit(&mut self, header: FrameHeader, len: usize, window: &[u8]) -> Cut {
        self.family = Some(header.family());
        if header.is_free_format() {
            self.free_len = Some(len.saturating_sub(header.padding()));
        }
        self.in_step = true;
        Cut::Unit(len.min(window.len()))
    }
}

const fn between(len: usize) -> Cut {
    if len == 0 { Cut::More(LOOK_AHEAD_BYTES) } else { Cut::Between(len) }
}

/// Distance from a free format header to the next one that a third confirms.
fn free_format_len(header: FrameHeader, window: &[u8], last: bool) -> Option<usize> {
    let alike = |at: usize| {
        let next = FrameHeader::read(window.get(at..)?)?;
        let fits = next.family() == header.family() && next.is_free_format();
        (fits && next.has_crc() == header.has_crc()).then_some(next)
    };
    let lengths = header.payload_at()..MAX_FREE_FORMAT_BYTES.min(window.len());
    lengths.into_iter().find(|len| {
        let Some(next) = alike(*len) else { return false };
        let third = len.saturating_sub(header.padding()) + len + next.padding();
        alike(third).is_some() || (last && third >= window.len())
    })
}

impl Framer for Mp3Framer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        let cut = self.next(window, at, last)?;
        match cut {
            Cut::Between(len) => self.between = self.between.saturating_add(len as u64),
            Cut::Unit(_) => self.between = 0,
            Cut::More(_) => {}
        }
        MediaError::check("the length of what is no frame", self.between, MAX_BETWEEN_BYTES)?;
        Ok(cut)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Cutter;

    /// A frame of `len` bytes that begins with `head`.
    fn frame(head: [u8; 4], len: usize) -> Vec<u8> {
        [&head[..], &vec![0x55; len - 4]].concat()
    }

    /// The lengths of the pieces of `file`, frames positive, given in portions of `portion`.
    fn cuts(file: &[u8], portion: usize) -> Result<Vec<i64>, MediaError> {
        let mut cutter = Cutter::new(Mp3Framer::default());
        let mut cuts = Vec::new();
        for (index, part) in file.chunks(portion).enumerate() {
            cutter.push(part);
            let last = (index + 1) * portion >= file.len();
            while let Some(piece) = cutter.next(last)? {
                let len = piece.bytes.len() as i64;
                cuts.push(if piece.unit { len } else { -len });
            }
        }
        Ok(cuts)
    }

    #[test]
    fn frames_tags_and_garbage_are_told_apart() {
        // 32 kbit/s, 8 kHz, mono: 288 bytes; with padding 289.
        let (plain, padded) = ([0xFF, 0xE3, 0x48, 0xC4], [0xFF, 0xE3, 0x4A, 0xC4]);
        let (a, b) = (frame(plain, 288), frame(padded, 289));
        let id3 = [&b"ID3\x04\0\0\0\0\x01\x00"[..], &[0; 128]].concat();
        let id3v1 = [&b"TAG"[..], &[0x20; 125]].concat();
        let junk = vec![0x33; 100];
        // In garbage, a header that no other follows is garbage too.
        let lone = [&junk[..30], &frame(plain, 70)].concat();
        let parts = [&id3, &a, &b, &junk, &a, &b, &lone, &b, &b, &id3v1];
        let file = parts.map(Vec::as_slice).concat();
        let expected = [-138, 288, 289, -100, 288, 289, -100, 289, 289, -128];
        for portion in [1, 7, 300, file.len()] {
            assert_eq!(cuts(&file, portion).unwrap(), expected, "{portion}");
        }
        let cut_off = [&a[..], &b, &a[..50]].concat();
        assert_eq!(cuts(&cut_off, 60).unwrap(), [288, 289, 50]);
        assert_eq!(cuts(&a[..60], 60).unwrap(), [60]);
        assert!(cuts(&vec![0x33; 70_000], 1000).is_err());
    }

    #[test]
    fn free_format_is_measured_once() {
        let (plain, padded) = ([0xFF, 0xFB, 0x00, 0xC4], [0xFF, 0xFB, 0x02, 0xC4]);
        let parts = [frame(plain, 1000), frame(padded, 1001), frame(plain, 1000)];
        let file = parts.concat();
        for portion in [1, 999, 4000] {
            assert_eq!(cuts(&file, portion).unwrap(), [1000, 1001, 1000], "{portion}");
        }
    }

    #[test]
    fn another_sampling_rate_is_refused() {
        let (low, high) =
            (frame([0xFF, 0xE3, 0x48, 0xC4], 288), frame([0xFF, 0xFB, 0x90, 0x64], 417));
        let file = [&low[..], &low, &high, &high].concat();
        assert!(matches!(cuts(&file, 100), Err(MediaError::Unsupported { .. })));
    }
}
