//! G.722 at 64 kbit/s: what a decoder knows, and what it plays (ITU-T G.722 section 4).

mod band;
mod half;

pub use band::Band;
pub use half::Half;

/// The taps of one phase of the receiving filter; the other phase has them in reverse (table 11).
const TAPS: [i32; 12] = [3, -11, 12, 32, -210, 951, 3876, -805, 362, -156, 53, -11];
/// What a half band may play: 15 bits (section 4.2.4, block 6 LIMIT).
const HALF_BAND: (i32, i32) = (-16_384, 16_383);

/// Turns bytes into samples, two for each.
#[derive(Debug, Clone)]
pub struct G722Decoder {
    low: Band,
    high: Band,
    /// Sums and differences of the halves, the latest last.
    past: [[i32; 2]; 12],
}

impl Default for G722Decoder {
    fn default() -> Self {
        Self { low: Half::Low.start(), high: Half::High.start(), past: [[0; 2]; 12] }
    }
}

impl G722Decoder {
    /// The samples of the next byte, at 16 bits.
    pub fn decode(&mut self, byte: u8) -> [i32; 2] {
        let low = Self::step(Half::Low, &mut self.low, byte & 0x3F);
        let high = Self::step(Half::High, &mut self.high, byte >> 6);
        self.past.rotate_left(1);
        if let Some(last) = self.past.last_mut() {
            *last = [low + high, low - high];
        }
        let (mut first, mut second) = (0, 0);
        for ([sum, difference], (tap, back)) in
            self.past.iter().zip(TAPS.iter().zip(TAPS.iter().rev()))
        {
            first += difference * back;
            second += sum * tap;
        }
        let whole = |value: i32| (value >> 11).clamp(i16::MIN.into(), i16::MAX.into());
        [whole(first), whole(second)]
    }

    fn step(half: Half, band: &mut Band, code: u8) -> i32 {
        let played = half.played(band, code).clamp(HALF_BAND.0, HALF_BAND.1);
        half.advance(band, code);
        played
    }
}
