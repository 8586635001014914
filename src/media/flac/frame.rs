//! The header of a FLAC frame, RFC 9639 section 9.1.

use super::StreamInfo;
use super::crc::crc8;

/// Longest header: 4 bytes, a coded number of 7, block size and sampling rate of 2 each, CRC-8.
pub(super) const MAX_HEADER_BYTES: usize = 16;

/// What a frame header says.
///
/// ```text
/// sync 15 = 0x7FFC | variable 1 | block size 4 | rate 4 | channels 4 | bits 3 | 0
/// coded number 8..56 | block size 0, 8, 16 | rate 0, 8, 16 | CRC-8
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    /// Bytes, CRC-8 included.
    pub len: usize,
    /// Whether `number` counts samples (blocks of any size), not frames.
    pub variable: bool,
    /// Number of the first sample, or of the frame.
    pub number: u64,
    /// Samples of each channel, 1 to 65535.
    pub block_size: u32,
    /// Hz; `None` when only STREAMINFO says it.
    pub rate: Option<u32>,
    /// The channel assignment, 0 to 10.
    channels: u8,
    /// Bits per sample; `None` when only STREAMINFO says it.
    bits: Option<u32>,
}

impl FrameHeader {
    /// The header that `bytes` begins with; `None` when it breaks a rule or its CRC-8 is wrong.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [sync, strategy, sizes, layout] = *bytes.first_chunk::<4>()?;
        if sync != 0xFF || strategy & 0xFE != 0xF8 || layout & 1 != 0 {
            return None;
        }
        let mut rest = bytes.get(4..)?;
        let number = coded_number(&mut rest)?;
        let block_size = match sizes >> 4 {
            0 => return None,
            1 => 192,
            code @ 2..=5 => 576 << (code - 2),
            6 => take(&mut rest, 1)? + 1,
            7 => take(&mut rest, 2)? + 1,
            code => 256 << (code - 8),
        };
        let rate = match sizes & 15 {
            0 => None,
            12 => Some(take(&mut rest, 1)? * 1000),
            13 => Some(take(&mut rest, 2)?),
            14 => Some(take(&mut rest, 2)? * 10),
            code => Some(fixed_rate(code)?),
        };
        let bits = match (layout >> 1) & 7 {
            0 => None,
            1 => Some(8),
            2 => Some(12),
            4 => Some(16),
            5 => Some(20),
            6 => Some(24),
            7 => Some(32),
            _ => return None,
        };
        let len = bytes.len() - rest.len() + 1;
        let (variable, channels) = (strategy & 1 == 1, layout >> 4);
        if channels > 10 || block_size > 65_535 || crc8(bytes.get(..len)?) != 0 {
            return None;
        }
        Some(Self { len, variable, number, block_size, rate, channels, bits })
    }

    /// Bits per sample of each channel as it is coded; a difference of two channels has one more.
    pub fn widths(&self, info: &StreamInfo) -> Vec<u32> {
        let bits = self.bits.unwrap_or(info.bits);
        match self.channels {
            8 | 10 => vec![bits, bits + 1],
            9 => vec![bits + 1, bits],
            others => vec![bits; usize::from(others) + 1],
        }
    }

    /// Number of the first sample.
    pub fn first_sample(&self, info: &StreamInfo) -> u64 {
        let unit = if self.variable { 1 } else { u64::from(info.max_block) };
        self.number.saturating_mul(unit)
    }
}

/// The next `count` bytes as a number.
fn take(rest: &mut &[u8], count: usize) -> Option<u32> {
    let (bytes, behind) = rest.split_at_checked(count)?;
    *rest = behind;
    Some(bytes.iter().fold(0, |value, byte| (value << 8) | u32::from(*byte)))
}

/// RFC 9639 section 9.1.5: as UTF-8 codes characters, but up to 36 bits.
fn coded_number(rest: &mut &[u8]) -> Option<u64> {
    let first = u8::try_from(take(rest, 1)?).ok()?;
    let more = match first.leading_ones() {
        0 => return Some(u64::from(first)),
        ones @ 2..=7 => ones - 1,
        _ => return None,
    };
    let mut number = u64::from(first) & ((1 << (6 - more)) - 1);
    for _ in 0..more {
        let byte = take(rest, 1)?;
        if byte >> 6 != 2 {
            return None;
        }
        number = (number << 6) | u64::from(byte & 63);
    }
    Some(number)
}

const fn fixed_rate(code: u8) -> Option<u32> {
    Some(match code {
        1 => 88_200,
        2 => 176_400,
        3 => 192_000,
        4 => 8000,
        5 => 16_000,
        6 => 22_050,
        7 => 24_000,
        8 => 32_000,
        9 => 44_100,
        10 => 48_000,
        11 => 96_000,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with_crc(mut header: Vec<u8>) -> Vec<u8> {
        header.push(crc8(&header));
        header
    }

    #[test]
    fn headers_of_both_strategies_are_read() {
        let info = StreamInfo { min_block: 4096, max_block: 4096, rate: 8000, bits: 16 };
        // RFC 9639 appendix D.1: one frame of one sample, two channels.
        let header = FrameHeader::parse(&[0xFF, 0xF8, 0x69, 0x18, 0, 0, 0xBF, 3]).unwrap();
        assert_eq!((header.len, header.block_size, header.rate), (7, 1, Some(44_100)));
        assert_eq!(header.widths(&info), [16, 16]);
        let side = with_crc(vec![0xFF, 0xF9, 0xCD, 0xA0, 0xC4, 0x80, 0x56, 0x22]);
        let header = FrameHeader::parse(&side).unwrap();
        assert_eq!((header.len, header.block_size, header.number), (9, 4096, 256));
        assert_eq!((header.rate, header.first_sample(&info)), (Some(0x5622), 256));
        assert_eq!(header.widths(&info), [16, 17]);
        let fixed = with_crc(vec![0xFF, 0xF8, 0xC0, 0x00, 0x02]);
        assert_eq!(FrameHeader::parse(&fixed).unwrap().first_sample(&info), 8192);
    }

    #[test]
    fn a_broken_rule_is_no_header() {
        for broken in [
            vec![0xFF, 0xF8, 0x00, 0x00, 0],
            vec![0xFF, 0xF8, 0xCF, 0x00, 0],
            vec![0xFF, 0xF8, 0xC0, 0xB0, 0],
            vec![0xFF, 0xF8, 0xC0, 0x06, 0],
            vec![0xFF, 0xF8, 0xC0, 0x01, 0],
            vec![0xFF, 0xF8, 0xC0, 0x00, 0x80],
            vec![0xFF, 0xF8, 0x70, 0x00, 0, 0xFF, 0xFF],
        ] {
            assert_eq!(FrameHeader::parse(&with_crc(broken)), None);
        }
    }
}
