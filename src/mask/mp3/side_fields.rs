//! Writing in a frame's side information, and its CRC.

use crate::media::mp3::{FrameHeader, SideInfo};

use super::reservoir::clear_bits;

/// Clears the fields of the silent granules of `frame`, and with them what only they use: shared
/// scale factors, and private bits when nothing is left. Then its CRC is right again.
pub(super) fn silence_granules(frame: &mut [u8], header: FrameHeader, silent: [bool; 2]) {
    let Some(side) = frame.get_mut(header.side_info_at()..header.payload_at()) else { return };
    let whole = silent.iter().take(header.granules()).all(|silent| *silent);
    let mut clear = |bits: std::ops::Range<usize>| {
        clear_bits(side, 0, &(bits.start as u64..bits.end as u64));
    };
    let selection = SideInfo::scale_factor_selection(header);
    if whole {
        clear(SideInfo::begin_bits(header) as usize..selection.start);
    }
    clear(selection);
    for granule in (0..header.granules()).filter(|granule| silent.get(*granule) == Some(&true)) {
        clear(SideInfo::granule_fields(header, granule));
    }
    renew_crc(frame, header);
}

/// Writes `main_data_begin`, and the CRC.
pub(super) fn set_main_data_begin(frame: &mut [u8], header: FrameHeader, begin: u64) {
    let bits = SideInfo::begin_bits(header);
    let value = u16::try_from(begin.min(header.max_main_data_begin())).unwrap_or(0);
    let field = frame.get_mut(header.side_info_at()..).and_then(|side| side.first_chunk_mut());
    if let Some(field) = field {
        let others = u16::from_be_bytes(*field) & (0xFFFF >> bits);
        *field = (others | value << (16 - bits)).to_be_bytes();
    }
    renew_crc(frame, header);
}

fn renew_crc(frame: &mut [u8], header: FrameHeader) {
    let crc = crc(frame, header).to_be_bytes();
    if let Some(field) = frame.get_mut(4..6).filter(|_| header.has_crc()) {
        field.copy_from_slice(&crc);
    }
}

/// The CRC of a frame: polynomial 0x8005, from 0xFFFF on, over the last two bytes of the header
/// and the side information (ISO 11172-3 section 2.4.3.1).
pub(super) fn crc(frame: &[u8], header: FrameHeader) -> u16 {
    let side = frame.get(header.side_info_at()..header.payload_at()).unwrap_or_default();
    let covered = frame.get(2..4).unwrap_or_default().iter().chain(side);
    covered.fold(0xFFFF, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte) << 8, |crc: u16, _| {
            if crc & 0x8000 == 0 { crc << 1 } else { crc << 1 ^ 0x8005 }
        })
    })
}
