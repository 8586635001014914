//! The frame header.

/// Longest free format frame that is looked for: more than twice 640 kbit/s at 32 kHz.
pub(super) const MAX_FREE_FORMAT_BYTES: usize = 8 * 1024;

/// Header of a layer III frame, ISO 11172-3 section 2.4.1.3.
///
/// ```text
/// 11111111 111VVLLP BBBBSSpx MMxxxxxx
/// V version (3 = MPEG-1, 2 = MPEG-2, 0 = MPEG-2.5), L layer (1 = III), P 0 = CRC follows,
/// B bit rate (0 = free format), S sampling rate, p padding, M mode (3 = mono)
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FrameHeader {
    word: u32,
    rate: u32,
}

/// The bits that all frames of a stream share: sync, version, layer, sampling rate.
const FAMILY: u32 = 0xFFFE_0C00;
/// Bit rate index and padding.
const SIZE_BITS: u32 = 0x0000_F200;

impl FrameHeader {
    /// Length of the header itself.
    pub const LEN: usize = 4;

    /// The header that `bytes` begins with; `None` when there is none of layer III.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let word = u32::from_be_bytes(*bytes.first_chunk::<4>()?);
        let version = (word >> 19) & 3;
        let sync = word >> 21 == 0x7FF;
        if !sync || version == 1 || (word >> 17) & 3 != 1 || (word >> 12) & 15 == 15 {
            return None;
        }
        let base = match (word >> 10) & 3 {
            0 => 44_100,
            1 => 48_000,
            2 => 32_000,
            _ => return None,
        };
        let rate = match version {
            3 => base,
            2 => base / 2,
            _ => base / 4,
        };
        Some(Self { word, rate })
    }

    /// Whether `bytes` begins with the header of a frame of layer I or II.
    pub fn is_other_layer(bytes: &[u8]) -> bool {
        let word = bytes.first_chunk::<4>().map_or(0, |word| u32::from_be_bytes(*word));
        word >> 21 == 0x7FF && (word >> 17) & 2 != 0
    }

    /// The four bytes.
    pub const fn to_bytes(self) -> [u8; 4] {
        self.word.to_be_bytes()
    }

    /// What does not change from frame to frame of one stream.
    pub const fn family(self) -> u32 {
        self.word & FAMILY
    }

    /// In Hz.
    pub const fn sample_rate(self) -> u32 {
        self.rate
    }

    /// One of the low sampling rates, that is MPEG-2 or MPEG-2.5.
    pub const fn is_lsf(self) -> bool {
        (self.word >> 19) & 3 != 3
    }

    /// 1 or 2.
    pub const fn channels(self) -> usize {
        if (self.word >> 6) & 3 == 3 { 1 } else { 2 }
    }

    /// Whether a CRC-16 stands between header and side information.
    pub const fn has_crc(self) -> bool {
        (self.word >> 16) & 1 == 0
    }

    /// Granules of 576 samples in the frame.
    pub const fn granules(self) -> usize {
        if self.is_lsf() { 1 } else { 2 }
    }

    /// The largest `main_data_begin` that the side information can hold.
    pub const fn max_main_data_begin(self) -> u64 {
        if self.is_lsf() { 255 } else { 511 }
    }

    /// Where the side information begins in the frame.
    pub const fn side_info_at(self) -> usize {
        if self.has_crc() { 6 } else { 4 }
    }

    /// Length of the side information in bytes.
    pub const fn side_info_len(self) -> usize {
        match (self.is_lsf(), self.channels()) {
            (false, 1) | (true, 2) => 17,
            (false, _) => 32,
            (true, _) => 9,
        }
    }

    /// Where the payload begins in the frame: the bytes that belong to the main data stream.
    pub const fn payload_at(self) -> usize {
        self.side_info_at() + self.side_info_len()
    }

    /// Whether the length of the frame must be found from the next header.
    pub const fn is_free_format(self) -> bool {
        (self.word >> 12) & 15 == 0
    }

    /// Extra bytes of a padded frame: 0 or 1.
    pub const fn padding(self) -> usize {
        if (self.word >> 9) & 1 == 1 { 1 } else { 0 }
    }

    /// Length of the whole frame in bytes; `None` in free format.
    pub fn frame_len(self) -> Option<usize> {
        const MPEG1: [u32; 15] = [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320];
        const LSF: [u32; 15] = [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160];
        let (table, slots) = if self.is_lsf() { (LSF, 72_000) } else { (MPEG1, 144_000) };
        let kilobits = *table.get(usize::try_from((self.word >> 12) & 15).ok()?)?;
        let bytes = usize::try_from(slots * kilobits / self.rate).ok()?;
        (kilobits > 0).then_some(bytes + self.padding())
    }

    /// The same header with the bit rate and padding of `other`.
    #[must_use]
    pub const fn sized_as(self, other: Self) -> Self {
        let word = (self.word & !SIZE_BITS) | (other.word & SIZE_BITS);
        Self { word, rate: self.rate }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_follow_rate_version_and_padding() {
        let read = |word: u32| FrameHeader::read(&word.to_be_bytes());
        // 128 kbit/s, 44.1 kHz, joint stereo, without and with padding.
        let plain = read(0xFFFB_9064).unwrap();
        assert_eq!((plain.frame_len(), plain.payload_at()), (Some(417), 36));
        let padded = read(0xFFFB_9264).unwrap();
        assert_eq!((padded.frame_len(), padded.family()), (Some(418), plain.family()));
        assert_eq!(plain.sized_as(padded), padded);
        // 32 kbit/s, 8 kHz MPEG-2.5, mono, with CRC.
        let low = read(0xFFE2_48C4).unwrap();
        assert_eq!((low.frame_len(), low.sample_rate()), (Some(288), 8000));
        assert_eq!((low.granules(), low.payload_at(), low.channels()), (1, 15, 1));
        assert_eq!(read(0xFFFB_0064).unwrap().frame_len(), None);
        for wrong in [0xFFFB_F064, 0xFFFB_9C64, 0xFFEB_9064, 0xFFFD_9064, 0x7FFB_9064] {
            assert_eq!(read(wrong), None, "{wrong:x}");
        }
        assert!(FrameHeader::is_other_layer(&0xFFFD_9064_u32.to_be_bytes()));
    }
}
