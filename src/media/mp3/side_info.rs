//! The side information: where a frame's main data begins, and how long its granules are.

use std::ops::Range;

use super::FrameHeader;
use crate::media::BitReader;

/// Side information, ISO 11172-3 section 2.4.1.7 and ISO 13818-3 section 2.4.1.7, as far as the
/// place of the main data goes.
///
/// ```text
/// MPEG-1  main_data_begin 9, private 5 (mono) or 3, scfsi 4 per channel, 2 granules x channels x 59
/// LSF     main_data_begin 8, private 1 (mono) or 2, channels x 63
/// granule and channel: part2_3_length 12, then tables, gains and windows
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SideInfo {
    /// How many payload bytes before this frame's payload its main data begins.
    pub main_data_begin: u64,
    /// Whether the second granule uses scale factors of the first (any scfsi bit).
    pub shares_scale_factors: bool,
    /// Length of each granule's main data in bits, all channels together; 0 for a granule that
    /// the frame does not have.
    pub granule_bits: [u64; 2],
}

impl SideInfo {
    /// Reads the side information of a frame; `None` when the frame ends before it does.
    pub fn read(header: FrameHeader, frame: &[u8]) -> Option<Self> {
        let bytes = frame.get(header.side_info_at()..header.payload_at())?;
        let mut bits = BitReader::new(bytes);
        let main_data_begin = bits.read(Self::begin_bits(header))?.into();
        let scfsi = Self::scale_factor_selection(header);
        bits.skip(scfsi.start.saturating_sub(bits.position()))?;
        let shares_scale_factors =
            u32::try_from(scfsi.len()).ok().and_then(|count| bits.read(count)) != Some(0);
        let mut granule_bits = [0; 2];
        for length in granule_bits.iter_mut().take(header.granules()) {
            for _ in 0..header.channels() {
                *length += u64::from(bits.read(12)?);
                bits.skip(Self::channel_bits(header).saturating_sub(12))?;
            }
        }
        Some(Self { main_data_begin, shares_scale_factors, granule_bits })
    }

    /// Bits of `main_data_begin`, which comes first.
    pub const fn begin_bits(header: FrameHeader) -> u32 {
        if header.is_lsf() { 8 } else { 9 }
    }

    /// The bits that select shared scale factors, counted from the start of the side information;
    /// empty in LSF.
    pub const fn scale_factor_selection(header: FrameHeader) -> Range<usize> {
        match (header.is_lsf(), header.channels()) {
            (true, 1) => 9..9,
            (true, _) => 10..10,
            (false, 1) => 14..18,
            (false, _) => 12..20,
        }
    }

    /// The bits of a granule's fields, counted from the start of the side information.
    pub const fn granule_fields(header: FrameHeader, granule: usize) -> Range<usize> {
        let len = header.channels() * Self::channel_bits(header);
        let first = Self::scale_factor_selection(header).end;
        let start = if granule == 0 { first } else { first + len };
        start..start + len
    }

    const fn channel_bits(header: FrameHeader) -> usize {
        if header.is_lsf() { 63 } else { 59 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_fill_the_side_information_exactly() {
        for word in [0xFFFB_9064_u32, 0xFFFB_90C4, 0xFFF3_9064, 0xFFF3_90C4] {
            let header = FrameHeader::read(&word.to_be_bytes()).unwrap();
            let last = SideInfo::granule_fields(header, header.granules() - 1);
            assert_eq!(last.end, header.side_info_len() * 8, "{word:x}");
            let mut frame = vec![0xFF; header.payload_at()];
            frame[..4].copy_from_slice(&header.to_bytes());
            let side = SideInfo::read(header, &frame).unwrap();
            let each = 4095 * header.channels() as u64;
            let second = if header.is_lsf() { 0 } else { each };
            assert_eq!(side.granule_bits, [each, second]);
            assert_eq!(side.main_data_begin, header.max_main_data_begin());
            assert_eq!(side.shares_scale_factors, !header.is_lsf());
            frame.pop();
            assert_eq!(SideInfo::read(header, &frame), None);
        }
    }
}
