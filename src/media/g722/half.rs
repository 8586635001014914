//! The codes of the two halves of the band, and what a decoder does with them.

use super::band::Band;

/// Lower half band: values of the 60 codes of 6 bits from 4 on; the first four are not sent.
const FINE: [i32; 30] = [
    24_808, 21_904, 19_008, 16_704, 14_984, 13_512, 12_280, 11_192, 10_232, 9360, 8576, 7856, 7192,
    6576, 6000, 5456, 4944, 4464, 4008, 3576, 3168, 2776, 2400, 2032, 1688, 1360, 1040, 728, 432,
    136,
];
/// The same of the codes of 4 bits by which the predictor adapts, from 1 on.
const COARSE: [i32; 7] = [20_456, 12_896, 8968, 6288, 4240, 2584, 1200];
/// Changes of the step for them, from the largest to the smallest.
const LOW_CHANGES: [i32; 8] = [3042, 1198, 538, 334, 172, 58, -30, -60];
/// Upper half band: the smaller and the larger value, and their changes of the step.
const HIGH: [(i32, i32); 2] = [(1616, -214), (7408, 798)];
/// The codes in the order of their values.
const LOW_CODES: [u8; 60] = [
    4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28,
    29, 30, 31, 62, 63, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, 47, 46, 45, 44, 43,
    42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32,
];
const HIGH_CODES: [u8; 4] = [0, 1, 3, 2];

/// One half of the band.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Half {
    /// Codes of 6 bits.
    Low,
    /// Codes of 2 bits.
    High,
}

impl Half {
    /// At the start of a stream.
    pub const fn start(self) -> Band {
        match self {
            Self::Low => Band::new(32),
            Self::High => Band::new(8),
        }
    }

    /// The codes that an encoder may send, from the lowest value to the highest.
    pub const fn codes(self) -> &'static [u8] {
        match self {
            Self::Low => &LOW_CODES,
            Self::High => &HIGH_CODES,
        }
    }

    /// What a decoder plays for a code.
    pub fn played(self, band: &Band, code: u8) -> i32 {
        let value = match self {
            Self::Low => fine(code),
            Self::High => upper(code).0,
        };
        band.signal + ((band.step * value) >> 15)
    }

    /// How a code changes the logarithm of the step.
    pub fn change(self, code: u8) -> i32 {
        match self {
            Self::Low => coarse(code).1,
            Self::High => upper(code).1,
        }
    }

    /// Logarithm and step after a code.
    pub fn next_step(self, band: &Band, code: u8) -> (i32, i32) {
        match self {
            Self::Low => band.next_step(coarse(code).1, 18_432, 8),
            Self::High => band.next_step(upper(code).1, 22_528, 10),
        }
    }

    /// Takes the next code.
    pub fn advance(self, band: &mut Band, code: u8) {
        let value = match self {
            Self::Low => coarse(code).0,
            Self::High => upper(code).0,
        };
        let difference = (band.step * value) >> 15;
        band.set_step(self.next_step(band, code));
        band.advance(difference);
    }
}

/// Value of a 6-bit code on the scale of the step.
fn fine(code: u8) -> i32 {
    let code = usize::from(code & 0x3F);
    // Codes of negative values come first, and the two smallest ones last.
    match code {
        0..4 => -136,
        4..32 => -FINE.get(code - 4).copied().unwrap_or(0),
        32..62 => FINE.get(code - 32).copied().unwrap_or(0),
        62 => -432,
        _ => -136,
    }
}

/// Value of the 4-bit code that a 6-bit code begins with, and its change of the step.
fn coarse(code: u8) -> (i32, i32) {
    let short = usize::from((code & 0x3F) >> 2);
    let (negative, rank) = match short {
        0 | 15 => return (0, LOW_CHANGES[7]),
        1..8 => (true, short - 1),
        _ => (false, short - 8),
    };
    let value = COARSE.get(rank).copied().unwrap_or(0);
    let change = LOW_CHANGES.get(rank).copied().unwrap_or(0);
    (if negative { -value } else { value }, change)
}

/// Value of a 2-bit code of the upper half band, and its change of the step.
fn upper(code: u8) -> (i32, i32) {
    let [small, large] = HIGH;
    match code & 3 {
        0 => (-large.0, large.1),
        1 => (-small.0, small.1),
        2 => (large.0, large.1),
        _ => (small.0, small.1),
    }
}
