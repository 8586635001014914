//! Walks DER and the part of BER that envelopes use, over a prefix that may still grow.
//!
//! ```text
//!   7 6 | 5           | 4 3 2 1 0        first byte: class, constructed bit, number (31 refused)
//!   0 | length < 128                     short length
//!   1 | count 1..=8, then count bytes    long length, big endian
//!   1 | 0000000                          indefinite: contents end with 00 00
//! ```
//!
//! Offsets are 64 bits wide and counted from the start of the envelope, so that a walk can go on
//! behind gigabytes of content that were never in memory.

use super::error::SealError;

/// Deeper nesting than any envelope needs; stops recursion on hostile input.
const MAX_NESTING: usize = 16;
/// Lengths above this are refused, so that sums of offsets cannot overflow.
const MAX_LENGTH: u64 = 1 << 60;

/// Why a walk stops.
#[derive(Debug)]
pub(super) enum Stop {
    /// The prefix ends before the element does.
    NeedMore,
    /// More bytes would not help.
    Fault(SealError),
}

impl Stop {
    /// The error for input that will not grow.
    pub(super) fn into_error(self, offset: u64) -> SealError {
        match self {
            Self::NeedMore => SealError::Truncated { offset },
            Self::Fault(error) => error,
        }
    }
}

/// Tag and length of an element.
#[derive(Debug, Clone, Copy)]
pub(super) struct Head {
    pub(super) tag: u8,
    /// `None`: indefinite.
    pub(super) len: Option<u64>,
}

/// An open container.
#[derive(Debug, Clone, Copy)]
pub(super) struct Frame {
    /// Where a definite container ends.
    end: Option<u64>,
    /// The nearest definite end around: nothing inside may pass it.
    bound: Option<u64>,
}

/// A position in the bytes, and the containers open there.
pub(super) struct Walker<'a> {
    input: &'a [u8],
    base: u64,
    at: usize,
    frames: Vec<Frame>,
}

impl<'a> Walker<'a> {
    /// Walks `input` from its start.
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self { input, base: 0, at: 0, frames: Vec::new() }
    }

    /// Goes on with `input`, which begins at offset `base` inside of `frames`.
    pub(super) const fn resume(input: &'a [u8], base: u64, frames: Vec<Frame>) -> Self {
        Self { input, base, at: 0, frames }
    }

    /// The offset of the next byte.
    pub(super) const fn offset(&self) -> u64 {
        self.base.saturating_add(self.at as u64)
    }

    /// Ends the walk and hands over the containers still open.
    pub(super) fn into_frames(self) -> Vec<Frame> {
        self.frames
    }

    /// The bytes not walked over.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.input.get(self.at..).unwrap_or_default()
    }

    /// A fault at this position.
    pub(super) const fn fault(&self, what: &'static str) -> Stop {
        Stop::Fault(SealError::Malformed { offset: self.offset(), what })
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], Stop> {
        let taken = self.rest().get(..len).ok_or(Stop::NeedMore)?;
        self.at = self.at.saturating_add(len);
        Ok(taken)
    }

    fn byte(&mut self) -> Result<u8, Stop> {
        self.take(1)?.first().copied().ok_or(Stop::NeedMore)
    }

    fn bound(&self) -> Option<u64> {
        self.frames.last().and_then(|frame| frame.bound)
    }

    /// The next tag, left in place.
    pub(super) fn peek(&self) -> Result<u8, Stop> {
        self.rest().first().copied().ok_or(Stop::NeedMore)
    }

    /// Reads tag and length, and checks that the element fits its container.
    pub(super) fn head(&mut self) -> Result<Head, Stop> {
        let tag = self.byte()?;
        if tag & 0x1f == 0x1f {
            return Err(self.fault("a tag number below 31"));
        }
        let first = self.byte()?;
        let len = match first {
            0x80 if tag & 0x20 == 0 => return Err(self.fault("a definite length")),
            0x80 => None,
            short if short < 0x80 => Some(u64::from(short)),
            long => {
                let count = usize::from(long & 0x7f);
                if count > 8 {
                    return Err(self.fault("a length of at most eight bytes"));
                }
                let digits = self.take(count)?;
                Some(digits.iter().fold(0, |sum: u64, byte| (sum << 8) | u64::from(*byte)))
            }
        };
        if len.is_some_and(|len| len > MAX_LENGTH) {
            return Err(self.fault("a length below 2^60"));
        }
        if let Some(bound) = self.bound() {
            let room = bound.checked_sub(self.offset());
            if room.is_none_or(|room| len.unwrap_or(0) > room) {
                return Err(self.fault("an element that fits its container"));
            }
        }
        Ok(Head { tag, len })
    }

    /// Opens the container `tag`.
    pub(super) fn enter(&mut self, tag: u8) -> Result<(), Stop> {
        let before = self.at;
        let head = self.head()?;
        if head.tag != tag {
            self.at = before;
            return Err(self.fault("another tag"));
        }
        self.open(head)
    }

    fn open(&mut self, head: Head) -> Result<(), Stop> {
        if self.frames.len() >= MAX_NESTING {
            let max = MAX_NESTING as u64;
            return Err(Stop::Fault(SealError::LimitReached { limit: "nesting", max }));
        }
        let end = head.len.map(|len| self.offset().saturating_add(len));
        self.frames.push(Frame { end, bound: end.or(self.bound()) });
        Ok(())
    }

    /// Whether the innermost container has no more elements.
    pub(super) fn at_end(&self) -> Result<bool, Stop> {
        match self.frames.last() {
            None => Ok(self.rest().is_empty()),
            Some(Frame { end: Some(end), .. }) => Ok(self.offset() >= *end),
            Some(Frame { end: None, .. }) => Ok(self.peek()? == 0),
        }
    }

    /// Closes the innermost container, which must be at its end.
    pub(super) fn leave(&mut self) -> Result<(), Stop> {
        let frame = self.frames.pop().ok_or_else(|| self.fault("an open container"))?;
        match frame.end {
            Some(end) if self.offset() == end => Ok(()),
            None if self.take(2)? == [0, 0] => Ok(()),
            _ => Err(self.fault("the end of the container")),
        }
    }

    /// Reads the contents of the primitive element `tag`.
    pub(super) fn primitive(&mut self, tag: u8) -> Result<&'a [u8], Stop> {
        let before = self.at;
        let (found, contents) = self.any()?;
        if found != tag {
            self.at = before;
            return Err(self.fault("another tag"));
        }
        Ok(contents)
    }

    /// Reads tag and contents of an element of definite length.
    pub(super) fn any(&mut self) -> Result<(u8, &'a [u8]), Stop> {
        let head = self.head()?;
        let len = head.len.ok_or_else(|| self.fault("a definite length"))?;
        let len = usize::try_from(len).map_err(|_| self.fault("a length that fits memory"))?;
        Ok((head.tag, self.take(len)?))
    }

    /// Passes over one element of any kind and returns all of its bytes.
    pub(super) fn skip(&mut self) -> Result<&'a [u8], Stop> {
        let start = self.at;
        let head = self.head()?;
        match head.len {
            Some(len) => {
                let len = usize::try_from(len).map_err(|_| self.fault("a smaller element"))?;
                self.take(len)?;
            }
            None => {
                self.open(head)?;
                while !self.at_end()? {
                    self.skip()?;
                }
                self.leave()?;
            }
        }
        self.input.get(start..self.at).ok_or(Stop::NeedMore)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn definite_and_indefinite_containers_close() {
        let bytes = [0x30, 0x80, 0x24, 0x80, 4, 1, 9, 0, 0, 0x30, 2, 5, 0, 0, 0, 7];
        let mut walker = Walker::new(&bytes);
        walker.enter(0x30).unwrap();
        assert_eq!(walker.skip().unwrap().len(), 7);
        walker.enter(0x30).unwrap();
        assert!(walker.primitive(5).unwrap().is_empty());
        walker.leave().unwrap();
        assert!(walker.at_end().unwrap());
        walker.leave().unwrap();
        assert_eq!((walker.offset(), walker.rest()), (15, &[7][..]));
    }

    #[test]
    fn an_element_may_not_pass_its_container() {
        for bytes in [&[0x30, 2, 4, 1][..], &[0x30, 3, 0x30, 0x80, 4, 9]] {
            let mut walker = Walker::new(bytes);
            walker.enter(0x30).unwrap();
            assert!(matches!(walker.skip(), Err(Stop::Fault(_))));
        }
    }

    #[test]
    fn nesting_meets_its_limit() {
        let bytes = [0x30, 0x80].repeat(100_000);
        assert!(matches!(Walker::new(&bytes).skip(), Err(Stop::Fault(_))));
        assert!(matches!(Walker::new(&bytes[..8]).skip(), Err(Stop::NeedMore)));
    }
}
