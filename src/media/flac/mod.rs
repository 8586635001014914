//! Native FLAC, RFC 9639: the stream's facts, its metadata blocks, and where its frames end.

mod crc;
mod frame;
mod framer;
mod metadata;

use std::ops::Range;

pub use crc::crc16;
pub use frame::FrameHeader;
pub use framer::FlacFramer;
pub use metadata::FlacLayout;

/// Length of a STREAMINFO block without its header.
pub(super) const STREAMINFO_BYTES: usize = 34;
/// Where STREAMINFO has the MD5 of the decoded samples; all zero stands for not known.
pub const STREAMINFO_MD5: Range<usize> = 18..34;

/// What STREAMINFO says of all frames, RFC 9639 section 8.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamInfo {
    /// Fewest samples of a block; the last block does not count.
    pub min_block: u32,
    /// Most samples of a block.
    pub max_block: u32,
    /// Hz. Invariant: not 0.
    pub rate: u32,
    /// Bits per sample, 4 to 32.
    pub bits: u32,
}

impl StreamInfo {
    /// Reads the 34 bytes; `None` when they break a rule.
    pub fn parse(block: &[u8]) -> Option<Self> {
        let [a, b, c, d, _, _, _, _, _, _, e, f, g, h] = *block.first_chunk::<14>()?;
        if block.len() != STREAMINFO_BYTES {
            return None;
        }
        let info = Self {
            min_block: u32::from(u16::from_be_bytes([a, b])),
            max_block: u32::from(u16::from_be_bytes([c, d])),
            rate: u32::from_be_bytes([0, e, f, g]) >> 4,
            bits: (u32::from(g & 1) << 4 | u32::from(h >> 4)) + 1,
        };
        let right = info.rate > 0 && info.bits >= 4 && info.min_block <= info.max_block;
        (right && info.max_block > 0).then_some(info)
    }
}
