//! Layer III frames down to the bits of each granule (ISO 11172-3 section 2.4.1, ISO 13818-3).

use std::ops::Range;

/// One granule: both channels' bits together.
#[derive(Debug)]
pub(crate) struct Granule {
    /// In [`Stream::main_data`], in bits.
    pub(crate) bits: Range<usize>,
    /// Whether every field of its side information is zero.
    pub(crate) zero: bool,
}

/// One frame; the Info frame is none.
#[derive(Debug)]
pub(crate) struct Frame {
    pub(crate) main_data_begin: usize,
    pub(crate) largest_begin: usize,
    /// Where its own payload begins in [`Stream::main_data`], in bytes.
    pub(crate) payload: usize,
    /// Private and scfsi bits are zero.
    pub(crate) plain: bool,
}

/// A whole file.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) frames: Vec<Frame>,
    pub(crate) granules: Vec<Granule>,
    pub(crate) per_frame: usize,
    /// The payloads of all frames, one after the other.
    pub(crate) main_data: Vec<u8>,
    /// Samples that a player drops at the start: the encoder's delay by the LAME tag, plus 529.
    pub(crate) skip: usize,
}

/// Bits, highest first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: usize) -> usize {
        (0..count).fold(0, |value, _| {
            let bit = self.bytes[self.at / 8] >> (7 - self.at % 8) & 1;
            self.at += 1;
            value << 1 | usize::from(bit)
        })
    }
}

/// The bit at a place of the main data.
pub(crate) fn bit(bytes: &[u8], at: usize) -> bool {
    bytes[at / 8] >> (7 - at % 8) & 1 == 1
}

impl Stream {
    pub(crate) fn of(file: &[u8]) -> Self {
        let mut stream = Self::default();
        let mut at = 0;
        if file.starts_with(b"ID3") {
            let size = file[6..10].iter().fold(0, |size, byte| size << 7 | usize::from(*byte));
            at = 10 + size;
        }
        while at + 4 <= file.len() && file[at] == 0xFF {
            at += stream.frame(&file[at..]);
        }
        stream
    }

    /// Takes the frame at the start of `bytes`; answers its length.
    fn frame(&mut self, bytes: &[u8]) -> usize {
        let mpeg1 = bytes[1] & 0x18 == 0x18;
        let shift = match bytes[1] >> 3 & 3 {
            3 => 0,
            2 => 1,
            _ => 2,
        };
        let rate = [44_100, 48_000, 32_000][usize::from(bytes[2] >> 2 & 3)] >> shift;
        let kilobits = if mpeg1 {
            [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320]
        } else {
            [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160]
        }[usize::from(bytes[2] >> 4)];
        let slot = if mpeg1 { 144_000 } else { 72_000 };
        let length = slot * kilobits / rate + usize::from(bytes[2] >> 1 & 1);
        let mono = bytes[3] >> 6 == 3;
        let head = if bytes[1] & 1 == 0 { 6 } else { 4 };
        let side = match (mpeg1, mono) {
            (true, true) => 17,
            (true, false) => 32,
            (false, true) => 9,
            (false, false) => 17,
        };
        let bytes = &bytes[..length.min(bytes.len())];
        if self.frames.is_empty() && self.info(bytes, side) {
            return length;
        }
        let start = self.main_data.len();
        self.main_data.extend_from_slice(&bytes[head + side..]);
        self.side_info(&bytes[head..head + side], mpeg1, if mono { 1 } else { 2 }, start);
        length
    }

    /// Whether this is the Info frame; notes the delay that it tells.
    fn info(&mut self, bytes: &[u8], side: usize) -> bool {
        let tags = [4 + side, 6 + side].into_iter();
        let Some(at) =
            tags.clone().find(|at| matches!(bytes.get(*at..*at + 4), Some(b"Info" | b"Xing")))
        else {
            return false;
        };
        let flags = bytes[at + 7];
        let mut lame = at + 8;
        for (flag, size) in [(1, 4), (2, 4), (4, 100), (8, 4)] {
            lame += if flags & flag != 0 { size } else { 0 };
        }
        if bytes.get(lame..lame + 4).is_some_and(|name| name == b"LAME" || name == b"Lavc") {
            let delay = usize::from(bytes[lame + 21]) << 4 | usize::from(bytes[lame + 22] >> 4);
            self.skip = delay + 529;
        }
        true
    }

    fn side_info(&mut self, side: &[u8], mpeg1: bool, channels: usize, start: usize) {
        let mut bits = Bits { bytes: side, at: 0 };
        let main_data_begin = bits.take(if mpeg1 { 9 } else { 8 });
        let private = match (mpeg1, channels) {
            (true, 1) => 5,
            (true, _) => 3,
            (false, channels) => channels,
        };
        let shared = if mpeg1 { 4 * channels } else { 0 };
        let plain = bits.take(private + shared) == 0;
        self.per_frame = if mpeg1 { 2 } else { 1 };
        let mut at = (start * 8).saturating_sub(main_data_begin * 8);
        for _ in 0..self.per_frame {
            let (mut length, mut zero) = (0, true);
            for _ in 0..channels {
                let part = bits.take(12);
                let rest = bits.take(if mpeg1 { 47 } else { 51 });
                length += part;
                zero &= part == 0 && rest == 0;
            }
            self.granules.push(Granule { bits: at..at + length, zero });
            at += length;
        }
        let largest_begin = if mpeg1 { 511 } else { 255 };
        self.frames.push(Frame { main_data_begin, largest_begin, payload: start, plain });
    }
}
