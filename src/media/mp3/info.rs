//! The first frame of a file that holds no sound but an index: Xing, Info, VBRI.

use super::FrameHeader;

/// Length of the LAME extension, its own CRC included.
pub const LAME_TAG_BYTES: usize = 36;
/// Where `VBRI` stands: after the header and 32 bytes, whatever the version.
const VBRI_AT: usize = 36;
/// Encoder delay and padding in the LAME extension: 12 bits each.
const DELAYS_AT: usize = 21;

/// A frame that gapless players do not play, and that is no part of the main data stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InfoFrame {
    /// Where the LAME extension begins in the frame; it is there as a whole.
    ///
    /// ```text
    /// 0 encoder 9, 9 revision 1, 10 lowpass 1, 11 peak 4, 15 gains 2 x 2, 19 flags 1, 20 rate 1,
    /// 21 delays 3, 24 misc 1, 25 gain 1, 26 preset 2, 28 music length 4, 32 music CRC 2,
    /// 34 CRC of the frame up to here 2
    /// ```
    pub lame_at: Option<usize>,
    /// Samples that the encoder put before the sound, where the tag says so.
    pub encoder_delay: Option<u16>,
    /// Samples that it put behind the sound; 0 where the tag does not say.
    pub padding: u16,
}

impl InfoFrame {
    /// Reads the index that `frame` holds; `None` for a frame of sound.
    pub fn read(header: FrameHeader, frame: &[u8]) -> Option<Self> {
        let is = |at: usize, magic: &[u8]| frame.get(at..).is_some_and(|at| at.starts_with(magic));
        // LAME leaves out the CRC in front of the tag even when the header announces one.
        let without_crc = FrameHeader::LEN + header.side_info_len();
        let xing = [without_crc, header.payload_at()]
            .into_iter()
            .find(|at| is(*at, b"Xing") || is(*at, b"Info"));
        let Some(xing) = xing else {
            let none = Self { lame_at: None, encoder_delay: None, padding: 0 };
            return is(VBRI_AT, b"VBRI").then_some(none);
        };
        let flags = frame.get(xing..)?.get(4..8).and_then(|flags| flags.last());
        let flags = flags.copied().unwrap_or(0);
        // Count of frames, count of bytes, table of contents, quality.
        let fields = [(1, 4), (2, 4), (4, 100), (8, 4)];
        let index: usize =
            fields.iter().filter(|(bit, _)| flags & bit != 0).map(|(_, len)| len).sum();
        let lame_at = xing + 8 + index;
        let lame = frame.get(lame_at..).and_then(|rest| rest.get(..LAME_TAG_BYTES));
        let lame = lame.filter(|lame| lame.iter().take(4).all(u8::is_ascii_alphanumeric));
        let known = lame.filter(|lame| {
            [&b"LAME"[..], b"Lavf", b"Lavc"].iter().any(|encoder| lame.starts_with(encoder))
        });
        let delays = known.and_then(|lame| lame.get(DELAYS_AT..)).and_then(|at| at.first_chunk());
        let delays = delays.map(|[high, mid, low]: &[u8; 3]| {
            let padding = u16::from(mid & 15) << 8 | u16::from(*low);
            (u16::from(*high) << 4 | u16::from(mid >> 4), padding)
        });
        let delays = delays.filter(|(delay, _)| *delay > 0);
        Some(Self {
            lame_at: lame.map(|_| lame_at),
            encoder_delay: delays.map(|(delay, _)| delay),
            padding: delays.map_or(0, |(_, padding)| padding),
        })
    }
}

/// Table `n` advances a byte that is followed by `n` others.
const ARC: [[u16; 256]; 8] = arc_tables();

#[expect(clippy::indexing_slicing, reason = "evaluated by the compiler, which checks it")]
const fn arc_tables() -> [[u16; 256]; 8] {
    let mut tables = [[0; 256]; 8];
    let mut byte = 0_usize;
    while byte < 256 {
        let mut crc = byte as u16;
        let mut step = 0;
        while step < 64 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xA001 } else { crc >> 1 };
            step += 1;
            if step % 8 == 0 {
                tables[step / 8 - 1][byte] = crc;
            }
        }
        byte += 1;
    }
    tables
}

/// CRC-16/ARC, which the LAME extension uses twice: `crc` (0 at first) continued over `bytes`.
pub fn crc16_arc(crc: u16, bytes: &[u8]) -> u16 {
    let [last, .., first] = &ARC;
    let lookup = |table: &[u16; 256], byte: u8| table.get(usize::from(byte)).copied().unwrap_or(0);
    let (eights, rest) = bytes.as_chunks::<8>();
    let crc = eights.iter().fold(crc, |crc, [a, b, tail @ ..]| {
        let [low, high] = crc.to_le_bytes();
        let head = lookup(first, a ^ low) ^ ARC.get(6).map_or(0, |table| lookup(table, b ^ high));
        let rest = tail.iter().zip(ARC.iter().rev().skip(2));
        rest.fold(head, |sum, (byte, table)| sum ^ lookup(table, *byte))
    });
    rest.iter().fold(crc, |crc, byte| {
        let [low, high] = crc.to_le_bytes();
        u16::from(high) ^ lookup(last, byte ^ low)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_check_value_of_crc_16_arc() {
        assert_eq!(crc16_arc(0, b"123456789"), 0xBB3D);
        let bytes: Vec<u8> = (0..=255).cycle().take(1003).collect();
        let one_by_one = bytes.iter().fold(7, |crc, byte| crc16_arc(crc, &[*byte]));
        assert_eq!(crc16_arc(7, &bytes), one_by_one);
    }

    #[test]
    fn the_lame_extension_is_found_with_any_index_fields() {
        // 128 kbit/s, 44.1 kHz, stereo, with CRC: the tag may stand on either side of the CRC.
        let head = [0xFF, 0xFA, 0x90, 0x04];
        let header = FrameHeader::read(&head).unwrap();
        for (at, flags, index) in [(36, 15, 112), (38, 15, 112), (36, 1, 4), (36, 0, 0)] {
            let mut frame = vec![0; 417];
            frame[..4].copy_from_slice(&head);
            frame[at..at + 4].copy_from_slice(b"Info");
            frame[at + 7] = flags;
            let lame = at + 8 + index;
            frame[lame..lame + 9].copy_from_slice(b"LAME3.100");
            frame[lame + 21..lame + 24].copy_from_slice(&[0x24, 0x01, 0xFF]);
            let info = InfoFrame::read(header, &frame).unwrap();
            assert_eq!((info.lame_at, info.encoder_delay), (Some(lame), Some(576)));
            assert_eq!(info.padding, 0x1FF);
        }
        let mut frame = vec![0; 417];
        assert_eq!(InfoFrame::read(header, &frame), None);
        frame[36..40].copy_from_slice(b"VBRI");
        assert_eq!(InfoFrame::read(header, &frame).unwrap().encoder_delay, None);
    }
}
