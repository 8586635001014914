//! The main data stream of layer III, and bits in it.

use std::collections::VecDeque;
use std::ops::Range;

use crate::media::MediaError;

/// How many bytes are forgotten at once.
const FORGET_BYTES: u64 = 32 * 1024;

/// The payloads of all frames joined, of which the last stretch is remembered. Bytes and bits are
/// counted from the first frame's payload on.
#[derive(Debug, Default)]
pub(super) struct Reservoir {
    bytes: Vec<u8>,
    /// Where `bytes` begins in the stream.
    start: u64,
}

impl Reservoir {
    /// Length of the stream so far, in bytes.
    pub(super) fn end(&self) -> u64 {
        self.start.saturating_add(self.bytes.len() as u64)
    }

    /// Adds a frame's payload.
    pub(super) fn append(&mut self, payload: &[u8]) {
        self.bytes.extend_from_slice(payload);
    }

    /// Says that bytes before `until` are not needed any more.
    pub(super) fn forget(&mut self, until: u64) {
        let count = until.saturating_sub(self.start);
        if count >= FORGET_BYTES {
            let count = usize::try_from(count).unwrap_or(usize::MAX).min(self.bytes.len());
            self.bytes.drain(..count);
            self.start = self.start.saturating_add(count as u64);
        }
    }

    /// The bytes of `range`; `None` when they are forgotten or not there yet.
    pub(super) fn bytes(&self, range: Range<u64>) -> Option<&[u8]> {
        let from = usize::try_from(range.start.checked_sub(self.start)?).ok()?;
        let to = usize::try_from(range.end.checked_sub(self.start)?).ok()?;
        self.bytes.get(from..to)
    }

    /// The bit at `at`; `None` as in [`Reservoir::bytes`].
    pub(super) fn bit(&self, at: u64) -> Option<bool> {
        let byte = self.bytes(at / 8..at / 8 + 1)?.first()?;
        Some(byte >> (7 - at % 8) & 1 == 1)
    }

    /// Copies the bits of `from` to where `to` begins, which is not after them.
    pub(super) fn move_bits(&mut self, from: Range<u64>, to: u64) {
        for (source, target) in from.zip(to..) {
            let Some(bit) = self.bit(source) else { return };
            let index = usize::try_from((target / 8).saturating_sub(self.start));
            let Some(byte) = index.ok().and_then(|index| self.bytes.get_mut(index)) else { return };
            let mask = 0x80_u8 >> (target % 8);
            *byte = if bit { *byte | mask } else { *byte & !mask };
        }
    }
}

/// Clears those bits of `range` that lie in `bytes`, which begins at bit `at`.
pub(super) fn clear_bits(bytes: &mut [u8], at: u64, range: &Range<u64>) {
    for (index, mask) in masks(bytes.len(), at, range) {
        if let Some(byte) = bytes.get_mut(index) {
            *byte &= !mask;
        }
    }
}

/// Copies those bits of `range` that lie in `from` and `to`, both of which begin at bit `at`.
pub(super) fn copy_bits(from: &[u8], to: &mut [u8], at: u64, range: &Range<u64>) {
    for (index, mask) in masks(to.len().min(from.len()), at, range) {
        if let (Some(source), Some(target)) = (from.get(index), to.get_mut(index)) {
            *target = (*target & !mask) | (source & mask);
        }
    }
}

/// The bytes, out of `len` that begin at bit `at`, that have bits of `range`, and which bits.
fn masks(len: usize, at: u64, range: &Range<u64>) -> impl Iterator<Item = (usize, u8)> + use<> {
    let bits = (len as u64).saturating_mul(8);
    let from = range.start.saturating_sub(at).min(bits);
    let to = range.end.saturating_sub(at).min(bits).max(from);
    (from / 8..to.div_ceil(8)).map(move |byte| {
        let first = from.saturating_sub(byte * 8).min(8);
        let after = (to - byte * 8).min(8);
        let mask = (0xFF_u16 >> first) & (0xFF_u16 << (8 - after)) & 0xFF;
        (usize::try_from(byte).unwrap_or(usize::MAX), u8::try_from(mask).unwrap_or(0))
    })
}

/// Drops the ranges at the front that end at or before bit `until`.
pub(super) fn drop_until<T>(ranges: &mut VecDeque<T>, until: u64, end: impl Fn(&T) -> u64) {
    while ranges.front().is_some_and(|range| end(range) <= until) {
        ranges.pop_front();
    }
}

/// Whether two ranges share a bit.
pub(super) fn overlap(left: &Range<u64>, right: &Range<u64>) -> bool {
    left.start.max(right.start) < left.end.min(right.end)
}

/// Refuses a stream that goes back and forth without end.
pub(super) fn check_ranges(count: usize) -> Result<(), MediaError> {
    MediaError::check("the number of frames that share main data", count as u64, 4096)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_are_cleared_copied_and_moved_one_by_one() {
        for (from, to) in [(0_u64, 0_u64), (3, 5), (5, 19), (8, 16), (1, 31), (30, 99)] {
            let mut bytes = [0xFF; 4];
            clear_bits(&mut bytes, 80, &(80 + from..80 + to));
            let mut copied = [0; 4];
            copy_bits(&[0xFF; 4], &mut copied, 80, &(80 + from..80 + to));
            for bit in 0..32_u64 {
                let inside = bit >= from && bit < to;
                let is = |bytes: &[u8; 4]| bytes[bit as usize / 8] >> (7 - bit % 8) & 1 == 1;
                assert_eq!((is(&bytes), is(&copied)), (!inside, inside), "{from} {to} {bit}");
            }
        }
        let mut reservoir = Reservoir::default();
        reservoir.append(&[0, 0b0000_1011, 0b1000_0000]);
        reservoir.move_bits(12..17, 3);
        assert_eq!(reservoir.bytes(0..1), Some(&[0b0001_0111][..]));
        assert_eq!((reservoir.end(), reservoir.bit(24)), (3, None));
    }
}
