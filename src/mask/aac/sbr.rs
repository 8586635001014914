//! Finds SBR that nothing signals, without decoding.
//!
//! SBR is a fill element behind the channels of every frame. Where the channels end only a decoder
//! can tell; but the fill elements come last, so they are looked for from the end. One frame of
//! plain AAC LC in about seventy looks as if it had SBR; a whole run of them never does.

use crate::media::BitReader;

/// How many frames are looked at.
pub(super) const TESTED_FRAMES: usize = 64;
/// With fewer the answer is no: chance alone could say yes.
const FEWEST_FRAMES: usize = 4;
/// Shorter frames are not looked at: silence in its shortest form, each like the other.
const FEWEST_BYTES: usize = 12;
/// How many fill elements may follow SBR: padding.
const MOST_FILLS: usize = 3;

/// `extension_type`, ISO 14496-3 table 4.121.
const EXT_FILL: u32 = 0b0000;
const EXT_FILL_DATA: u32 = 0b0001;
const EXT_SBR_DATA: u32 = 0b1101;
const EXT_SBR_DATA_CRC: u32 = 0b1110;

/// Whether a stream has SBR, told from its first raw_data_blocks. It does when seven in eight of
/// the first 64 seem to; streams of fewer than 4 frames of some size do not.
pub(in crate::mask) fn carries_sbr<B: AsRef<[u8]>>(blocks: impl IntoIterator<Item = B>) -> bool {
    let long = |block: &B| block.as_ref().len() >= FEWEST_BYTES;
    let (mut tested, mut found) = (0, 0);
    for block in blocks.into_iter().filter(long).take(TESTED_FRAMES) {
        tested += 1;
        found += usize::from(ends_with_sbr(block.as_ref()));
    }
    tested >= FEWEST_FRAMES && found * 8 >= tested * 7
}

/// Whether fill elements that end where END begins can be read backwards from there up to SBR.
fn ends_with_sbr(block: &[u8]) -> bool {
    let Some(last) = block.last().filter(|last| **last != 0) else { return false };
    let unused = usize::try_from(last.trailing_zeros()).unwrap_or(0);
    let Some(end) = (block.len() * 8 - unused).checked_sub(3) else { return false };
    if bits(block, end, 3) != Some(0b111) {
        return false;
    }
    let mut ends = vec![end];
    for _ in 0..=MOST_FILLS {
        let mut earlier = Vec::new();
        for (start, kind) in ends.iter().flat_map(|end| fills_ahead(block, *end)) {
            match kind {
                EXT_SBR_DATA | EXT_SBR_DATA_CRC => return true,
                EXT_FILL | EXT_FILL_DATA => earlier.push(start),
                _ => {}
            }
        }
        // Chance finds one or two of them; more are only there on purpose.
        earlier.truncate(4);
        ends = earlier;
    }
    false
}

/// Beginning and extension type of everything that could be a fill element up to bit `end`.
fn fills_ahead(block: &[u8], end: usize) -> impl Iterator<Item = (usize, u32)> {
    // Payload bytes, bits ahead of them, the count as coded: from 15 bytes on, and at will for 14,
    // it has an escape byte.
    let short = (0..15).map(|bytes| (bytes, 7, 0b110 << 4 | bytes));
    let long = (14..=269).map(|bytes| (bytes, 15, 0b110_1111 << 8 | (bytes - 14)));
    short.chain(long).filter_map(move |(bytes, head, coded): (usize, usize, usize)| {
        let start = end.checked_sub(head + bytes * 8)?;
        let found = bits(block, start, u32::try_from(head).ok()?)?;
        // Without bytes there is no type; encoders fill seven bits like that.
        let kind = if bytes == 0 { EXT_FILL } else { bits(block, start + head, 4)? };
        (usize::try_from(found) == Ok(coded)).then_some((start, kind))
    })
}

/// `count` bits from bit `at`.
fn bits(block: &[u8], at: usize, count: u32) -> Option<u32> {
    let mut reader = BitReader::new(block);
    reader.skip(at)?;
    reader.read(count)
}
