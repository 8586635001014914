//! The ADTS header, ISO 13818-7 section 6.2.

use super::config::SAMPLE_RATES;
use crate::media::BitWriter;

/// Longest frame that the 13 bits of its length can say.
pub const MAX_ADTS_FRAME_BYTES: usize = 8191;

/// adts_fixed_header and adts_variable_header.
///
/// ```text
/// 11111111 1111I00A PPRRRRxC CCxxccLL LLLLLLLL LLLFFFFF FFFFFFNN
/// I MPEG-2, A no CRC, P profile, R rate, C channels, c copyright, L length with header,
/// F buffer fullness, N raw_data_blocks - 1
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AdtsHeader {
    /// The 28 bits of adts_fixed_header.
    fixed: u32,
    /// Two bits of a copyright identification that is spread over many frames.
    pub copyright: u32,
    /// Bytes of the frame, header included. Invariant: at least [`AdtsHeader::header_bytes`].
    pub frame_bytes: usize,
    /// adts_buffer_fullness.
    pub fullness: u32,
    /// raw_data_blocks in the frame, 1 to 4.
    pub blocks: u8,
}

impl AdtsHeader {
    /// Bytes without a CRC.
    pub const BYTES: usize = 7;
    /// The buffer fullness of streams of variable bit rate, which says nothing.
    pub const VARIABLE_RATE: u32 = 0x7FF;
    /// The fixed bits that no frame of a stream changes: all but private_bit, original_copy, home.
    const STREAM: u32 = 0x0FFF_FFFF & !(1 << 5 | 0b11);

    /// Reads what `bytes` begins with; `None` when that is no header.
    pub fn parse(bytes: &[u8]) -> Option<Self> {
        let [a, b, c, d, e, f, g] = *bytes.first_chunk::<7>()?;
        let [high, low] =
            [u32::from_be_bytes([a, b, c, d]), u32::from_be_bytes([d & 0x0F, e, f, g])];
        // Sync word, and layer 0.
        if high & 0xFFF6_0000 != 0xFFF0_0000 {
            return None;
        }
        let header = Self {
            fixed: high >> 4,
            copyright: low >> 26,
            frame_bytes: usize::try_from((low >> 13) & 0x1FFF).ok()?,
            fullness: (low >> 2) & 0x7FF,
            blocks: (g & 3) + 1,
        };
        header.sample_rate()?;
        (header.frame_bytes >= header.header_bytes()).then_some(header)
    }

    /// The header of another frame of the stream, without copyright identification, and with
    /// [`AdtsHeader::VARIABLE_RATE`].
    pub fn plain(&self, frame_bytes: usize, blocks: u8) -> Self {
        let frame_bytes = frame_bytes.min(MAX_ADTS_FRAME_BYTES);
        Self { copyright: 0, frame_bytes, fullness: Self::VARIABLE_RATE, blocks, ..*self }
    }

    /// Appends the header, without a CRC.
    pub fn write(&self, writer: &mut BitWriter) {
        writer.write(self.fixed, 28);
        writer.write(self.copyright, 2);
        writer.write(u32::try_from(self.frame_bytes).unwrap_or(0), 13);
        writer.write(self.fullness, 11);
        writer.write(u32::from(self.blocks.saturating_sub(1)), 2);
    }

    /// The bits that are the same in all frames of a stream.
    pub const fn stream(&self) -> u32 {
        self.fixed & Self::STREAM
    }

    /// Whether a CRC follows the header.
    pub const fn has_crc(&self) -> bool {
        self.fixed >> 12 & 1 == 0
    }

    /// Bytes ahead of the first raw_data_block: the header, the CRC, and with it the positions of
    /// further blocks.
    pub fn header_bytes(&self) -> usize {
        if self.has_crc() { Self::BYTES + 2 * usize::from(self.blocks) } else { Self::BYTES }
    }

    /// profile_ObjectType as audioObjectType: 1 Main, 2 LC, 3 SSR, 4 LTP.
    pub fn object_type(&self) -> u8 {
        u8::try_from(self.fixed >> 10 & 3).unwrap_or(0) + 1
    }

    /// In Hz; `None` only before the header was checked.
    pub fn sample_rate(&self) -> Option<u32> {
        SAMPLE_RATES.get(usize::try_from(self.fixed >> 6 & 15).ok()?).copied()
    }

    /// sampling_frequency_index.
    pub fn rate_index(&self) -> u8 {
        u8::try_from(self.fixed >> 6 & 15).unwrap_or(0)
    }

    /// channel_configuration, 0 to 7.
    pub fn channel_configuration(&self) -> u8 {
        u8::try_from(self.fixed >> 2 & 7).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_written() {
        // 44.1 kHz stereo, LC, 371 bytes, buffer fullness 0x7FF.
        let bytes = [0xFF, 0xF1, 0x50, 0x80, 0x2E, 0x7F, 0xFC];
        let header = AdtsHeader::parse(&bytes).unwrap();
        assert_eq!((header.frame_bytes, header.header_bytes(), header.blocks), (371, 7, 1));
        assert_eq!((header.object_type(), header.sample_rate()), (2, Some(44_100)));
        assert_eq!((header.channel_configuration(), header.has_crc()), (2, false));
        let mut writer = BitWriter::default();
        header.plain(371, 1).write(&mut writer);
        assert_eq!(writer.into_bytes(), bytes);
        // With CRC, two blocks, and room for less than the header.
        let crc = AdtsHeader::parse(&[0xFF, 0xF0, 0x50, 0x80, 0x2E, 0x7F, 0xFD]).unwrap();
        assert_eq!((crc.header_bytes(), crc.blocks), (11, 2));
        assert_ne!(crc.stream(), header.stream());
        assert_eq!(AdtsHeader::parse(&[0xFF, 0xF0, 0x50, 0x80, 0x01, 0x1F, 0xFC]), None);
        assert_eq!(AdtsHeader::parse(&[0xFF, 0xF1, 0x74, 0x80, 0x2E, 0x7F, 0xFC]), None);
        assert_eq!(AdtsHeader::parse(&bytes[..6]), None);
    }
}
