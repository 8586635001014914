//! Silent blocks of IMA and Microsoft ADPCM. A block needs nothing from the one before it, so the
//! sound is exact from the first kept block on.

use super::constant::ConstantUnit;
use super::unit::Reach;

/// The smallest step of Microsoft ADPCM.
const MS_DELTA: [u8; 2] = 16_u16.to_le_bytes();

/// An IMA block: predictor 0, step index 0, and codes of 0, which never leave 0.
pub(super) fn ima_block(rate: u32, samples: u64, bytes: usize) -> ConstantUnit {
    ConstantUnit { rate, samples, reach: Reach::default(), silent: vec![0; bytes] }
}

/// A Microsoft block: per channel the coefficients' number 0, then the step per channel, then the
/// first two samples, 0, and codes of 0. Whatever the file's coefficients are, 0 predicts 0.
pub(super) fn ms_block(rate: u32, samples: u64, bytes: usize, channels: usize) -> ConstantUnit {
    let mut silent = vec![0; channels];
    silent.extend_from_slice(&MS_DELTA.repeat(channels));
    silent.resize(bytes, 0);
    ConstantUnit { rate, samples, reach: Reach::default(), silent }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ms_block_begins_with_its_header() {
        assert_eq!(ms_block(8000, 6, 9, 1).silent, [0, 16, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(ms_block(8000, 4, 16, 2).silent[..6], [0, 0, 16, 0, 16, 0]);
        assert_eq!(ima_block(8000, 9, 8).silent, [0; 8]);
    }
}
