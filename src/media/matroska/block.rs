//! `SimpleBlock`, `Block` and `BlockGroup` (RFC 9559 sections 5.1.3 and 10).

use std::ops::Range;

use super::ebml::{Children, Element, Vint};
use super::ids;
use crate::media::MediaError;

/// Bytes of a block's header after the track number: timestamp and flags.
const TIME_AND_FLAGS: usize = 3;

/// The header of a block, and where its frames lie.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Block {
    /// The track's number.
    pub track: u64,
    /// Relative to the cluster, in timestamp units.
    pub time: i16,
    /// The key frame flag, which only a `SimpleBlock` has.
    pub keyframe: bool,
    /// Positions in the block's content. Invariant: in order, without gaps, up to its end.
    pub frames: Vec<Range<usize>>,
}

impl Block {
    /// Reads the content of a block that is found at byte `at` of the file.
    ///
    /// # Errors
    /// Malformed when the header is cut off, or lacing claims more than the block has.
    pub fn read(content: &[u8], at: u64) -> Result<Self, MediaError> {
        let short = || MediaError::malformed("a block shorter than its header", at);
        let track = Vint::read(content).ok_or_else(short)?;
        let rest = content.get(track.len..).ok_or_else(short)?;
        let &[high, low, flags] = rest.first_chunk::<TIME_AND_FLAGS>().ok_or_else(short)?;
        let start = track.len + TIME_AND_FLAGS;
        let body = content.get(start..).ok_or_else(short)?;
        let laced = match flags & 0x06 {
            0 => Some((0, vec![body.len()])),
            0x02 => xiph_sizes(body),
            0x04 => fixed_sizes(body),
            _ => ebml_sizes(body),
        };
        let wrong = || MediaError::malformed("lacing that does not fit its block", at);
        let (head, sizes) = laced.ok_or_else(wrong)?;
        let mut next = start + head;
        let frames: Vec<Range<usize>> = sizes
            .into_iter()
            .map(|size| {
                let from = next;
                next = next.saturating_add(size);
                from..next
            })
            .collect();
        if next != content.len() {
            return Err(wrong());
        }
        let time = i16::from_be_bytes([high, low]);
        Ok(Self { track: track.value, time, keyframe: flags & 0x80 != 0, frames })
    }
}

/// How many frames a lace has, and what follows the count.
fn lace_count(body: &[u8]) -> Option<(usize, &[u8])> {
    let (count, rest) = body.split_first()?;
    Some((usize::from(*count) + 1, rest))
}

/// The length of the size table, and the sizes with the last one, which takes what is left.
fn with_last(body: &[u8], head: usize, mut sizes: Vec<usize>) -> Option<(usize, Vec<usize>)> {
    let sum = sizes.iter().try_fold(head, |sum, size| sum.checked_add(*size))?;
    sizes.push(body.len().checked_sub(sum)?);
    Some((head, sizes))
}

fn fixed_sizes(body: &[u8]) -> Option<(usize, Vec<usize>)> {
    let (count, rest) = lace_count(body)?;
    let whole = rest.len().checked_rem(count)? == 0;
    whole.then(|| (1, vec![rest.len() / count; count]))
}

/// Where the parts of `body` lie that Xiph lacing joined, as in the `CodecPrivate` of Vorbis; `None`
/// when they do not fit.
pub fn xiph_parts(body: &[u8]) -> Option<Vec<&[u8]>> {
    let (head, sizes) = xiph_sizes(body)?;
    let mut rest = body.get(head..)?;
    let mut part = |size| {
        let (part, after) = rest.split_at_checked(size)?;
        rest = after;
        Some(part)
    };
    sizes.into_iter().map(&mut part).collect()
}

fn xiph_sizes(body: &[u8]) -> Option<(usize, Vec<usize>)> {
    let (count, rest) = lace_count(body)?;
    let mut bytes = rest.iter();
    let mut sizes = Vec::with_capacity(count);
    for _ in 1..count {
        let mut size = 0_usize;
        loop {
            let byte = *bytes.next()?;
            size = size.checked_add(usize::from(byte))?;
            if byte < 0xFF {
                break;
            }
        }
        sizes.push(size);
    }
    with_last(body, body.len() - bytes.as_slice().len(), sizes)
}

/// The first size as it is, then the differences, biased so that they can be negative.
fn ebml_sizes(body: &[u8]) -> Option<(usize, Vec<usize>)> {
    let (count, mut rest) = lace_count(body)?;
    let mut sizes = Vec::with_capacity(count);
    let mut size = 0_i64;
    for index in 1..count {
        let number = Vint::read(rest)?;
        rest = rest.get(number.len..)?;
        let value = i64::try_from(number.value).ok()?;
        let bias = if index == 1 { 0 } else { (1_i64 << (7 * number.len - 1)) - 1 };
        size = size.checked_add(value.checked_sub(bias)?)?;
        sizes.push(usize::try_from(size).ok()?);
    }
    with_last(body, body.len() - rest.len(), sizes)
}

/// A block with what its group says of it; a `SimpleBlock` is a group of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlockGroup {
    /// The block. Invariant: its frames are positions in the whole element, header included.
    pub block: Block,
    /// In timestamp units.
    pub duration: Option<u64>,
    /// Whether the frame can be decoded without others.
    pub keyframe: bool,
    /// Whether the element holds, besides frames, nothing but times and references.
    pub plain: bool,
}

impl BlockGroup {
    /// Reads a `SimpleBlock` or `BlockGroup` element.
    ///
    /// # Errors
    /// Malformed for a damaged block, and for a group that has not exactly one.
    pub fn read(element: &Element<'_>) -> Result<Self, MediaError> {
        if element.id == ids::SIMPLE_BLOCK {
            let block = Block::read(element.content, element.content_at())?;
            let keyframe = block.keyframe;
            let block = moved(block, element.head);
            return Ok(Self { block, duration: None, keyframe, plain: true });
        }
        let (mut block, mut duration, mut keyframe, mut plain) = (None, None, true, true);
        for child in Children::new(element.content, element.content_at()) {
            let child = child?;
            match child.id {
                ids::BLOCK => {
                    let found = Block::read(child.content, child.content_at())?;
                    let by = element.head.saturating_add(child.start).saturating_add(child.head);
                    if block.replace(moved(found, by)).is_some() {
                        return Err(MediaError::malformed("a second block in a group", child.at));
                    }
                }
                ids::BLOCK_DURATION => duration = Some(child.uint()?),
                ids::REFERENCE_BLOCK => keyframe = false,
                ids::REFERENCE_PRIORITY | ids::DISCARD_PADDING => {}
                _ => plain = false,
            }
        }
        let missing = || MediaError::malformed("a group without a block", element.at);
        Ok(Self { block: block.ok_or_else(missing)?, duration, keyframe, plain })
    }
}

fn moved(mut block: Block, by: usize) -> Block {
    for frame in &mut block.frames {
        *frame = frame.start.saturating_add(by)..frame.end.saturating_add(by);
    }
    block
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frames(content: &[u8]) -> Result<Vec<Range<usize>>, MediaError> {
        Block::read(content, 50).map(|block| block.frames)
    }

    #[test]
    fn all_four_lacings() {
        let plain = Block::read(&[0x81, 0xFF, 0xFE, 0x80, 7, 7], 0).unwrap();
        assert_eq!((plain.track, plain.time, plain.keyframe), (1, -2, true));
        assert_eq!(plain.frames, [4..6]);
        assert_eq!(frames(&[0x40, 0x81, 0, 0, 0]).unwrap(), [5..5]);
        assert_eq!(frames(&[0x81, 0, 0, 4, 1, 1, 2, 3, 4]).unwrap(), [5..7, 7..9]);
        let xiph = [&[0x81, 0, 0, 2, 2, 255, 1, 3][..], &[9; 256 + 3 + 4]].concat();
        assert_eq!(frames(&xiph).unwrap(), [8..264, 264..267, 267..271]);
        // 3, then 3 - 2 and 1 + 1 by biased differences.
        let ebml = [&[0x81, 0, 0, 6, 3, 0x83, 0xBD, 0xC0][..], &[9; 3 + 1 + 2 + 5]].concat();
        assert_eq!(frames(&ebml).unwrap(), [8..11, 11..12, 12..14, 14..19]);
    }

    #[test]
    fn lacing_beyond_the_block_is_refused() {
        for wrong in [
            &[0x81, 0, 0][..],
            &[0, 0, 0, 0],
            &[0x81, 0, 0, 4],
            &[0x81, 0, 0, 4, 1, 1, 2, 3],
            &[0x81, 0, 0, 2, 1, 255],
            &[0x81, 0, 0, 2, 1, 5, 1],
            &[0x81, 0, 0, 6, 1, 0x85, 1],
            &[0x81, 0, 0, 6, 2, 0x81, 0x80, 1, 1],
        ] {
            assert!(matches!(frames(wrong), Err(MediaError::Malformed { offset: 50, .. })));
        }
    }
}
