//! Cuts a native FLAC file into its frames.
//!
//! A frame has no length. It ends where the header of its successor begins: one with the right
//! CRC-8, behind bytes whose CRC-16 is right. Nothing is decoded. All frames must be there: where
//! a number is missing, so is the time of what follows.

use super::crc::crc16;
use super::frame::{FrameHeader, MAX_HEADER_BYTES};
use super::metadata::FlacLayout;
use crate::media::{Cut, Framer, MediaError};

/// How much of the metadata is passed on at a time.
const METADATA_BYTES: usize = 4096;
/// Length of an ID3v1 tag, which some put behind the last frame.
const ID3V1_BYTES: usize = 128;

/// Finds FLAC frames.
#[derive(Debug, Clone)]
pub struct FlacFramer {
    frames_at: u64,
    min_block: u32,
    /// Strategy and number of the next frame; `None` after a short one, which must be the last.
    next: Option<(bool, u64)>,
    /// How far the window was searched for the successor of the frame it begins with.
    searched: usize,
    /// Up to where the window was summed up, and the CRC-16 so far.
    summed: (usize, u16),
}

impl FlacFramer {
    /// For the file of that layout.
    pub const fn new(layout: &FlacLayout) -> Self {
        let (frames_at, min_block) = (layout.frames_at, layout.info.min_block);
        Self { frames_at, min_block, next: Some((false, 0)), searched: 0, summed: (0, 0) }
    }

    /// The header at the start of the window, if it is that of the next frame.
    fn header(&self, window: &[u8], at: u64) -> Result<FrameHeader, MediaError> {
        let header = FrameHeader::parse(window)
            .ok_or_else(|| MediaError::malformed("no FLAC frame header", at))?;
        let Some((variable, number)) = self.next else {
            return Err(MediaError::malformed("a short FLAC block before the last", at));
        };
        let first = at == self.frames_at;
        if header.number == number && (first || header.variable == variable) {
            Ok(header)
        } else if first {
            Err(MediaError::unsupported("a FLAC stream that begins in its midst"))
        } else {
            Err(MediaError::malformed("FLAC frames are missing", at))
        }
    }

    /// Where in `window` the next frame begins, whatever its number. Remembers how far was searched.
    fn successor(&mut self, window: &[u8], last: bool) -> Option<usize> {
        loop {
            let rest = window.get(self.searched..).unwrap_or_default();
            let found = rest.iter().position(|byte| *byte == 0xFF).unwrap_or(rest.len());
            self.searched += found;
            let rest = rest.get(found..).unwrap_or_default();
            if rest.is_empty() || (rest.len() < MAX_HEADER_BYTES && !last) {
                return None;
            }
            let header = rest.get(..rest.len().min(MAX_HEADER_BYTES)).and_then(FrameHeader::parse);
            if header.is_some() && self.sum(window) == 0 {
                return Some(self.searched);
            }
            self.searched += 1;
        }
    }

    /// CRC-16 of the part of `window` that was searched.
    fn sum(&mut self, window: &[u8]) -> u16 {
        let (from, sum) = self.summed;
        let sum = crc16(sum, window.get(from..self.searched).unwrap_or_default());
        self.summed = (self.searched, sum);
        sum
    }

    /// The length of the last frame: all that is left, or all but a tag.
    fn last_frame(&self, window: &[u8], at: u64) -> Result<usize, MediaError> {
        if crc16(0, window) == 0 {
            return Ok(window.len());
        }
        let frame =
            window.len().checked_sub(ID3V1_BYTES).and_then(|len| window.split_at_checked(len));
        match frame {
            Some((frame, tag)) if tag.starts_with(b"TAG") && crc16(0, frame) == 0 => {
                Ok(frame.len())
            }
            _ => Err(MediaError::malformed("a damaged or cut-off FLAC frame", at)),
        }
    }
}

impl Framer for FlacFramer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        if let Some(left) = self.frames_at.checked_sub(at).filter(|left| *left > 0) {
            // The same pieces however the file comes, for source and result are compared by piece.
            let len = usize::try_from(left).unwrap_or(METADATA_BYTES).min(METADATA_BYTES);
            return Ok(if window.len() < len { Cut::More(len) } else { Cut::Between(len) });
        }
        if window.len() < MAX_HEADER_BYTES && !last {
            return Ok(Cut::More(MAX_HEADER_BYTES));
        }
        if last && window.len() == ID3V1_BYTES && window.starts_with(b"TAG") {
            return Ok(Cut::Between(ID3V1_BYTES));
        }
        let header = self.header(window, at)?;
        let step = if header.variable { u64::from(header.block_size) } else { 1 };
        let next = (header.variable, header.number.saturating_add(step));
        self.searched = self.searched.max(header.len);
        let len = match self.successor(window, last) {
            Some(len) => len,
            None if last => self.last_frame(window, at)?,
            None => return Ok(Cut::More(window.len().saturating_add(1))),
        };
        (self.searched, self.summed) = (0, (0, 0));
        self.next = Some(next).filter(|_| header.block_size >= self.min_block);
        Ok(Cut::Unit(len))
    }
}
