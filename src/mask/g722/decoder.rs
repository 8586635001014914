//! As much of a decoder as is needed to know which code is silent next.

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

/// What a decoder at 64 kbit/s has learnt from the bytes so far.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Decoder {
    low: Band,
    high: Band,
}

impl Default for Decoder {
    fn default() -> Self {
        Self { low: Band::new(32), high: Band::new(8) }
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

impl Decoder {
    /// Takes the next byte.
    pub(super) fn advance(&mut self, byte: u8) {
        let (value, change) = coarse(byte);
        let difference = (self.low.step * value) >> 15;
        self.low.adapt_step(change, 18_432, 8);
        self.low.advance(difference);
        let (value, change) = upper(byte >> 6);
        let difference = (self.high.step * value) >> 15;
        self.high.adapt_step(change, 22_528, 10);
        self.high.advance(difference);
    }

    /// The byte that a decoder in this state plays most quietly.
    pub(super) fn quietest(&self) -> u8 {
        let low = |code: &u8| {
            let difference = (self.low.step * fine(*code)) >> 15;
            ((self.low.signal + difference).abs(), difference.abs())
        };
        let high = |code: &u8| {
            let difference = (self.high.step * upper(*code).0) >> 15;
            ((self.high.signal + difference).abs(), difference.abs())
        };
        let low = (4..64).min_by_key(low).unwrap_or(63);
        let high = (0..4).min_by_key(high).unwrap_or(3);
        high << 6 | low
    }
}
