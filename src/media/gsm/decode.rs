//! The decoder of GSM 06.10 (ETSI EN 300 961, sections 5.3 and 5.4), in its 16-bit arithmetic.

use super::{GSM_FRAME_BYTES, GSM_FRAME_SAMPLES};

/// Bytes of a block of WAVE, in which two frames are packed.
const BLOCK_BYTES: usize = 65;
/// Bits of a frame without its signature.
const FRAME_BITS: usize = 260;
/// Samples of one frame.
const SAMPLES: usize = GSM_FRAME_SAMPLES as usize;
/// Samples of a sub-frame.
const PART: usize = 40;
/// Samples of the past that a sub-frame may repeat.
const PAST: usize = 120;

/// For each log-area ratio: bits, smallest code, offset and factor (tables 4.1 and 4.2).
const RATIOS: [(u32, i32, i32, i32); 8] = [
    (6, -32, 0, 13_107),
    (6, -32, 0, 13_107),
    (5, -16, 2048, 13_107),
    (5, -16, -2560, 13_107),
    (4, -8, 94, 19_223),
    (4, -8, -1792, 17_476),
    (3, -4, -341, 31_454),
    (3, -4, -1144, 29_708),
];
/// Gains of the long-term prediction (table 4.3b).
const GAINS: [i32; 4] = [3277, 11_469, 21_299, 32_767];
/// Mantissas of the block maximum (table 4.6).
const MANTISSAS: [i32; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];

/// Decodes frames in order.
#[derive(Debug, Clone)]
pub struct GsmDecoder {
    /// The residual signal of the past, and of the frame.
    residual: [i32; PAST + SAMPLES],
    lag: usize,
    ratios: [i32; 8],
    /// State of the short-term filter.
    filter: [i32; 9],
    /// State of the de-emphasis.
    last: i32,
}

impl Default for GsmDecoder {
    fn default() -> Self {
        Self { residual: [0; PAST + SAMPLES], lag: PART, ratios: [0; 8], filter: [0; 9], last: 0 }
    }
}

/// Bits of a frame, in the order of its parameters.
struct Bits<'b> {
    bytes: &'b [u8],
    at: usize,
    /// Least significant bit first, as in WAVE.
    little: bool,
}

impl Bits<'_> {
    /// The next `count` bits; those beyond the end are 0.
    fn take(&mut self, count: u32) -> i32 {
        let mut value = 0;
        for place in 0..count {
            let byte = self.bytes.get(self.at / 8).copied().unwrap_or(0);
            let inside = self.at % 8;
            let shift = if self.little { inside } else { 7 - inside };
            let bit = i32::from(byte >> shift & 1);
            value |= bit << if self.little { place } else { count - 1 - place };
            self.at += 1;
        }
        value
    }
}

/// 16-bit numbers with saturation (section 5.1).
fn saturated(value: i32) -> i32 {
    value.clamp(-32_768, 32_767)
}

/// Product with rounding.
fn product(one: i32, other: i32) -> i32 {
    saturated((one * other + 16_384) >> 15)
}

impl GsmDecoder {
    /// Appends the samples of a frame of [`GSM_FRAME_BYTES`]; a shorter one lacks its last bits.
    pub fn frame(&mut self, frame: &[u8], out: &mut Vec<i32>) {
        let bytes = frame.get(..GSM_FRAME_BYTES).unwrap_or(frame);
        // The signature takes the first four bits.
        self.parameters(&mut Bits { bytes, at: 4, little: false }, out);
    }

    /// Appends the samples of a block of WAVE: two frames.
    pub fn block(&mut self, block: &[u8], out: &mut Vec<i32>) {
        let bytes = block.get(..BLOCK_BYTES).unwrap_or(block);
        for at in [0, FRAME_BITS] {
            self.parameters(&mut Bits { bytes, at, little: true }, out);
        }
    }

    fn parameters(&mut self, bits: &mut Bits<'_>, out: &mut Vec<i32>) {
        let ratios = RATIOS.map(|(count, least, offset, factor)| {
            let scaled = saturated((bits.take(count) + least) << 10);
            let ratio = product(factor, saturated(scaled - (offset << 1)));
            saturated(ratio << 1)
        });
        self.residual.copy_within(SAMPLES.., 0);
        for part in 0..SAMPLES / PART {
            self.excite(bits, PAST + part * PART);
        }
        self.synthesise(ratios, out);
    }

    /// A sub-frame of the residual signal (sections 5.3.1 and 5.3.2).
    fn excite(&mut self, bits: &mut Bits<'_>, begin: usize) {
        let lag = usize::try_from(bits.take(7)).unwrap_or(0);
        if (PART..=PAST).contains(&lag) {
            self.lag = lag;
        }
        let gain = GAINS.get(usize::try_from(bits.take(2)).unwrap_or(0)).copied().unwrap_or(0);
        let grid = usize::try_from(bits.take(2)).unwrap_or(0);
        let (mantissa, shift) = maximum(bits.take(6));
        let mut pulses = [0; PART];
        for place in 0..13 {
            let code = ((bits.take(3) << 1) - 7) << 12;
            let rounding = if shift > 0 { 1 << (shift - 1) } else { 0 };
            let pulse = saturated(product(mantissa, code) + rounding) >> shift;
            if let Some(slot) = pulses.get_mut(grid + 3 * place) {
                *slot = pulse;
            }
        }
        for (place, pulse) in pulses.into_iter().enumerate() {
            let at = begin + place;
            let past = at.checked_sub(self.lag).and_then(|at| self.residual.get(at)).copied();
            let value = saturated(pulse + product(gain, past.unwrap_or(0)));
            if let Some(slot) = self.residual.get_mut(at) {
                *slot = value;
            }
        }
    }

    /// The short-term filter, whose ratios glide from the frame before, and the de-emphasis
    /// (sections 5.3.3 to 5.3.5).
    fn synthesise(&mut self, ratios: [i32; 8], out: &mut Vec<i32>) {
        let before = std::mem::replace(&mut self.ratios, ratios);
        let mut weights = [0; 8];
        for place in 0..SAMPLES {
            let glide: Option<fn(i32, i32) -> i32> = match place {
                0 => Some(|old, new| saturated((old >> 2) + (new >> 2)) + (old >> 1)),
                13 => Some(|old, new| (old >> 1) + (new >> 1)),
                27 => Some(|old, new| saturated((old >> 2) + (new >> 2)) + (new >> 1)),
                40 => Some(|_, new| new),
                _ => None,
            };
            if let Some(glide) = glide {
                let pairs = weights.iter_mut().zip(before.iter().zip(&ratios));
                pairs.for_each(|(weight, (old, new))| {
                    *weight = reflection(saturated(glide(*old, *new)));
                });
            }
            let mut sample = self.residual.get(PAST + place).copied().unwrap_or(0);
            for (at, weight) in weights.iter().enumerate().rev() {
                let held = self.filter.get(at).copied().unwrap_or(0);
                sample = saturated(sample - product(*weight, held));
                if let Some(next) = self.filter.get_mut(at + 1) {
                    *next = saturated(held + product(*weight, sample));
                }
            }
            self.filter[0] = sample;
            self.last = saturated(sample + product(self.last, 28_180));
            out.push(saturated(self.last << 1) & !7);
        }
    }
}

/// Mantissa and shift of a coded block maximum (section 5.2.15).
fn maximum(code: i32) -> (i32, i32) {
    let mut exponent = if code > 15 { (code >> 3) - 1 } else { 0 };
    let mut mantissa = code - (exponent << 3);
    if mantissa == 0 {
        (exponent, mantissa) = (-4, 15);
    }
    while mantissa <= 7 {
        mantissa = mantissa << 1 | 1;
        exponent -= 1;
    }
    let index = usize::try_from(mantissa - 8).unwrap_or(0);
    (MANTISSAS.get(index).copied().unwrap_or(0), 6 - exponent)
}

/// A log-area ratio as a reflection coefficient (section 5.3.3).
fn reflection(ratio: i32) -> i32 {
    let size = saturated(ratio.abs());
    let size = match size {
        ..11_059 => size << 1,
        11_059..20_070 => size + 11_059,
        _ => saturated((size >> 2) + 26_112),
    };
    if ratio < 0 { -size } else { size }
}
