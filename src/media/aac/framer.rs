//! Cuts an ADTS stream into frames, with whatever damage follows a frame attached to it.

use super::AdtsHeader;
use crate::media::sniff::id3v2_len;
use crate::media::{Cut, Framer, MediaError};

/// Most bytes between two frames that belong to no frame: a lost frame of the greatest length. With
/// more, nobody can tell how much playing time was lost.
const MAX_DAMAGE_BYTES: usize = 8192;
/// Bytes of a header of an ADTS frame, or of an ID3v2 tag.
const LOOK_AHEAD: usize = 10;
/// Bytes of an ID3v1 tag at the end of a file.
const ID3V1_BYTES: usize = 128;
/// An ID3v2 tag is given out in pieces of so many bytes.
const TAG_PIECE_BYTES: usize = 4096;
/// ID3v2 frames that hold what is spoken: texts, and texts with times (ID3v2.4 sections 4.8, 4.9).
/// ID3v2.2 has them with three letters; a size below 64 KiB makes the fourth byte 0.
const SPOKEN: [&[u8; 4]; 4] = [b"USLT", b"SYLT", b"ULT\0", b"SLT\0"];

/// Cuts ADTS.
///
/// A frame is followed by a frame of the same stream, by an ID3v2 tag, by an ID3v1 tag at the end,
/// or by the end of the file. Anything else up to there is damage, a last frame that is cut off
/// among it. It belongs to the unit of the frame ahead, so that it is silenced with it. Behind
/// damage a frame counts only when it is followed as a frame must be: one header alone turns up in
/// any coded sound.
#[derive(Debug, Clone, Default)]
pub struct AdtsFramer {
    /// [`AdtsHeader::stream`] of the first frame.
    stream: Option<u32>,
    /// What is left of an ID3v2 tag.
    tag_left: u64,
}

/// What was found at the place where a frame should be followed by something.
enum Next {
    Boundary,
    Damage,
    /// So many bytes must be seen from there on.
    More(usize),
}

impl AdtsFramer {
    /// Whether `rest`, which follows a frame, begins with something other than damage.
    fn follows(stream: u32, rest: &[u8], last: bool) -> Next {
        if !last && rest.len() < LOOK_AHEAD {
            return Next::More(LOOK_AHEAD);
        }
        if rest.is_empty() || id3v2_len(rest) > 0 {
            return Next::Boundary;
        }
        if rest.starts_with(b"TAG") {
            return match rest.len() {
                ..=ID3V1_BYTES if !last => Next::More(ID3V1_BYTES + 1),
                ID3V1_BYTES => Next::Boundary,
                _ => Next::Damage,
            };
        }
        match AdtsHeader::parse(rest).filter(|header| header.stream() == stream) {
            Some(header) if header.frame_bytes <= rest.len() => Next::Boundary,
            Some(header) if !last => Next::More(header.frame_bytes),
            _ => Next::Damage,
        }
    }

    /// The length of the unit whose frame has `frame_bytes` bytes: where damage ends.
    fn unit(
        stream: u32,
        window: &[u8],
        frame_bytes: usize,
        at: u64,
        last: bool,
    ) -> Result<Cut, MediaError> {
        let rest = |from: usize| window.get(from..).unwrap_or_default();
        match Self::follows(stream, rest(frame_bytes), last) {
            Next::Boundary => return Ok(Cut::Unit(frame_bytes)),
            Next::More(wanted) => return Ok(Cut::More(frame_bytes + wanted)),
            Next::Damage => {}
        }
        if let Some(other) = AdtsHeader::parse(rest(frame_bytes)) {
            // The stream's own frames were boundaries, unless they are cut off.
            let second = frame_bytes + other.frame_bytes;
            if !last && rest(second).len() < LOOK_AHEAD {
                return Ok(Cut::More(second + LOOK_AHEAD));
            }
            if AdtsHeader::parse(rest(second))
                .is_some_and(|header| header.stream() == other.stream())
            {
                return Err(changed(at.saturating_add(frame_bytes as u64)));
            }
        }
        for end in frame_bytes + 1..=frame_bytes + MAX_DAMAGE_BYTES {
            if end >= window.len() {
                return Ok(if last {
                    Cut::Unit(window.len())
                } else {
                    Cut::More(end + LOOK_AHEAD)
                });
            }
            let found = rest(end);
            if !last && found.len() < LOOK_AHEAD {
                return Ok(Cut::More(end + LOOK_AHEAD));
            }
            let header = AdtsHeader::parse(found).filter(|header| header.stream() == stream);
            let Some(header) = header else { continue };
            if header.frame_bytes > found.len() && last {
                continue;
            }
            match Self::follows(stream, rest(end + header.frame_bytes), last) {
                Next::Boundary => return Ok(Cut::Unit(end)),
                Next::More(wanted) => return Ok(Cut::More(end + header.frame_bytes + wanted)),
                Next::Damage => {}
            }
        }
        let offset = at.saturating_add(frame_bytes as u64);
        Err(MediaError::malformed("no ADTS frame follows", offset))
    }

    /// The next piece of an ID3v2 tag.
    fn tag(&mut self, window: &[u8], last: bool) -> Result<Cut, MediaError> {
        let left = usize::try_from(self.tag_left).unwrap_or(usize::MAX);
        let len = left.min(TAG_PIECE_BYTES);
        // An identifier may lie across two pieces.
        let seen = left.min(TAG_PIECE_BYTES + 3);
        if window.len() < seen && !last {
            return Ok(Cut::More(seen));
        }
        let searched = window.get(..seen).unwrap_or(window);
        if searched.windows(4).any(|id| SPOKEN.iter().any(|spoken| *spoken == id)) {
            return Err(MediaError::unsupported("an ID3 tag that holds spoken text"));
        }
        let len = len.min(window.len());
        self.tag_left = self.tag_left.saturating_sub(len as u64);
        Ok(Cut::Between(len))
    }
}

/// The frame at byte `at` is not of the stream that came before.
fn changed(at: u64) -> MediaError {
    MediaError::unsupported(format!("an ADTS stream that changes its kind at byte {at}"))
}

impl Framer for AdtsFramer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        if self.tag_left > 0 {
            return self.tag(window, last);
        }
        if window.len() < LOOK_AHEAD && !last {
            return Ok(Cut::More(LOOK_AHEAD));
        }
        self.tag_left = id3v2_len(window);
        if self.tag_left > 0 {
            return self.tag(window, last);
        }
        if last && window.len() == ID3V1_BYTES && window.starts_with(b"TAG") {
            return Ok(Cut::Between(ID3V1_BYTES));
        }
        let header =
            AdtsHeader::parse(window).ok_or_else(|| MediaError::malformed("no ADTS frame", at))?;
        let stream = *self.stream.get_or_insert(header.stream());
        if header.stream() != stream {
            return Err(changed(at));
        }
        if window.len() < header.frame_bytes {
            return Ok(Cut::More(header.frame_bytes));
        }
        Self::unit(stream, window, header.frame_bytes, at, last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::Cutter;

    /// A frame of 8 kHz mono whose payload is `fill`.
    fn frame(len: u8, fill: u8) -> Vec<u8> {
        let mut frame = vec![0xFF, 0xF1, 0x6C, 0x40, len >> 3, len << 5 | 0x1F, 0xFC];
        frame.resize(usize::from(len), fill);
        frame
    }

    /// Lengths of the pieces, negative between units; the input comes in portions of `step`.
    fn cut(file: &[u8], step: usize) -> Result<Vec<isize>, MediaError> {
        let mut cutter = Cutter::new(AdtsFramer::default());
        let mut pieces = Vec::new();
        let mut portions = file.chunks(step).peekable();
        while let Some(portion) = portions.next() {
            cutter.push(portion);
            while let Some(piece) = cutter.next(portions.peek().is_none())? {
                let len = isize::try_from(piece.bytes.len()).unwrap();
                pieces.push(if piece.unit { len } else { -len });
            }
        }
        Ok(pieces)
    }

    fn all_steps(file: &[u8]) -> Vec<isize> {
        let whole = cut(file, file.len()).unwrap();
        for step in [1, 2, 7, 64] {
            assert_eq!(cut(file, step).unwrap(), whole, "{step}");
        }
        whole
    }

    fn tag(body: &[u8]) -> Vec<u8> {
        let size = u8::try_from(body.len()).unwrap();
        [b"ID3\x04\0\0\0\0\0".as_slice(), &[size], body].concat()
    }

    #[test]
    fn frames_and_tags_are_told_apart() {
        let mut file = [tag(b"PRIV"), frame(20, 1), frame(30, 2), tag(b""), frame(7, 0)].concat();
        assert_eq!(all_steps(&file), [-14, 20, 30, -10, 7]);
        file.extend_from_slice(b"TAG");
        file.resize(file.len() + 125, 0);
        assert_eq!(all_steps(&file), [-14, 20, 30, -10, 7, -128]);
    }

    #[test]
    fn damage_and_a_cut_off_frame_belong_to_the_frame_ahead() {
        // The damage holds a header that nothing follows.
        let damage = [frame(9, 0), vec![0xEE; 5]].concat();
        let mut file = [frame(20, 1), vec![3; 5], damage, frame(30, 2), frame(40, 3)].concat();
        assert_eq!(all_steps(&file), [20 + 5 + 14, 30, 40]);
        file.truncate(file.len() - 1);
        // The frame of 30 bytes is not followed by a whole one.
        assert_eq!(all_steps(&file), [20 + 5 + 14 + 30 + 39]);
        let file = [frame(20, 1), frame(30, 2), frame(40, 3)[..39].to_vec()].concat();
        assert_eq!(all_steps(&file), [20, 30 + 39]);
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        let lost = [frame(20, 1), vec![7; MAX_DAMAGE_BYTES + 100], frame(20, 2)].concat();
        assert_eq!(cut(&lost, 999).unwrap_err().to_string(), "no ADTS frame follows at byte 20");
        let spoken = [tag(b"SYLT hello"), frame(20, 1)].concat();
        assert!(cut(&spoken, 1).is_err());
        let mut other = frame(20, 1);
        other[2] = 0x60;
        let changed = [frame(20, 1), other.clone(), other].concat();
        for step in [1, 100] {
            assert!(matches!(cut(&changed, step), Err(MediaError::Unsupported { .. })));
        }
        assert!(cut(b"hello, I am not a frame", 100).is_err());
    }
}
