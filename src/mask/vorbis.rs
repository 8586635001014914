//! Silence in Vorbis: a packet keeps its mode and window flags, and everything behind is 0. A floor
//! that begins with 0 is unused (floor 1) or has no amplitude (floor 0), which makes its channel 0;
//! zeros behind the end are legal, so any length will do. Vorbis I sections 4.3, 6.2.2 and 7.2.3.

use super::MaskError;
use super::unit::{Coding, Reach, UnitFault};
use crate::media::{MediaError, VorbisPacket, VorbisSetup};

/// How many masked packets are levelled at once.
const LEVEL_PACKETS: usize = 64;
/// Enough for the first bits of any packet: type, mode (6 bits), window flags (2).
const HEAD_BYTES: usize = 2;

/// Vorbis packets behind the three header packets: identification, comment, setup.
///
/// # Errors
/// Damaged headers; the offset is that in the header.
pub(super) fn coding(headers: &[Vec<u8>]) -> Result<Box<dyn Coding>, MaskError> {
    let [identification, _, setup] = headers else {
        return Err(MediaError::malformed("the three Vorbis headers are not there", 0).into());
    };
    Ok(Box::new(VorbisCoding { setup: VorbisSetup::read(identification, setup)?, previous: None }))
}

/// Vorbis packets; ticks are samples.
///
/// A packet plays from the middle of its predecessor's window to the middle of its own. The second
/// half of its window overlaps the next packet's time.
struct VorbisCoding {
    setup: VorbisSetup,
    /// Block size of the packet before.
    previous: Option<u32>,
}

impl VorbisCoding {
    fn packet(&self, unit: &[u8]) -> Result<VorbisPacket, UnitFault> {
        self.setup.packet(unit).ok_or(UnitFault::Malformed("no Vorbis audio packet"))
    }
}

impl Coding for VorbisCoding {
    fn rate(&self) -> u32 {
        self.setup.rate
    }

    fn reach(&self) -> Reach {
        let [_, long] = self.setup.block_sizes;
        Reach { before: 0, after: u64::from(long / 2), units_after: 0 }
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        // Decoders skip a packet without bytes as if it were not there.
        if unit.is_empty() {
            return Ok(0);
        }
        let size = self.packet(unit)?.block_size;
        let previous = self.previous.replace(size);
        Ok(previous.map_or(0, |previous| u64::from((previous + size) / 4)))
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        if unit.is_empty() && size == 0 {
            return Ok(Vec::new());
        }
        let head_bits = self.packet(unit)?.head_bits;
        if size < head_bits.div_ceil(8) {
            return Err(UnitFault::Unsupported("a Vorbis packet without room for its head"));
        }
        let mut silent = vec![0; size];
        for (at, (silent, byte)) in silent.iter_mut().zip(unit).enumerate() {
            *silent = byte & !behind(head_bits, at);
        }
        Ok(silent)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        let Ok(packet) = self.packet(unit) else { return unit.is_empty() };
        unit.iter().enumerate().all(|(at, byte)| byte & behind(packet.head_bits, at) == 0)
    }

    fn level_units(&self) -> usize {
        LEVEL_PACKETS
    }

    fn level(&self, sizes: &mut [usize]) {
        let sum = sizes.iter().fold(0_usize, |sum, size| sum.saturating_add(*size));
        let count = sizes.len().max(1);
        // A packet that is empty must stay so, and no other may lose its head.
        if sizes.contains(&0) || sum / count < HEAD_BYTES {
            return;
        }
        for (at, size) in sizes.iter_mut().enumerate() {
            *size = sum / count + usize::from(at < sum % count);
        }
    }
}

/// Which bits of byte `at` lie behind the first `head_bits` of a packet.
fn behind(head_bits: usize, at: usize) -> u8 {
    match head_bits.saturating_sub(at.saturating_mul(8)) {
        kept @ 0..8 => u8::MAX << kept,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Modes 0 short, 1 and 2 long: two bits of mode, and type and flags around them.
    fn three_modes() -> VorbisCoding {
        let long_modes = vec![false, true, true];
        let setup = VorbisSetup { rate: 8000, block_sizes: [256, 2048], long_modes };
        VorbisCoding { setup, previous: None }
    }

    #[test]
    fn packets_play_a_quarter_of_their_blocks_and_the_ones_before() {
        let mut coding = three_modes();
        let played = [0b000, 0b010, 0b100, 0b000].map(|head| coding.ticks(&[head, 9]).unwrap());
        assert_eq!(played, [0, 576, 1024, 576]);
        assert_eq!(coding.ticks(&[]), Ok(0));
        assert_eq!(coding.ticks(&[0]), Ok(128));
        for wrong in [0b001, 0b110] {
            assert_eq!(coding.ticks(&[wrong]), Err(UnitFault::Malformed("no Vorbis audio packet")));
        }
        assert_eq!(coding.reach(), Reach { before: 0, after: 1024, units_after: 0 });
    }

    #[test]
    fn type_mode_and_window_flags_stay() {
        let mut coding = three_modes();
        assert_eq!(coding.silence(&[0b1111_1000, 0xFF], 3).unwrap(), [0b000, 0, 0]);
        assert_eq!(coding.silence(&[0b1111_1010, 0xFF], 1).unwrap(), [0b1_1010]);
        assert!(coding.silence(&[0b1111_1010], 0).is_err());
        assert!(coding.is_silence(&[0b1_1010, 0]));
        assert!(!coding.is_silence(&[0b10_0010, 0]));
        assert!(!coding.is_silence(&[0b00_1000, 0]));
        assert!(!coding.is_silence(&[0b1_1010, 1]));
        assert!(!coding.is_silence(&[0b001]));
        assert!(coding.is_silence(&[]));
    }

    #[test]
    fn sizes_are_levelled_where_all_keep_their_heads() {
        let level = |sizes: &[usize]| {
            let mut levelled = sizes.to_vec();
            three_modes().level(&mut levelled);
            levelled
        };
        assert_eq!(level(&[90, 11, 20]), [41, 40, 40]);
        assert_eq!(level(&[1, 2, 1]), [1, 2, 1]);
        assert_eq!(level(&[0, 90]), [0, 90]);
        assert_eq!(level(&[]), [0; 0]);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2000))]
        #[test]
        fn any_packet_with_a_time_can_be_silenced(
            unit in prop::collection::vec(any::<u8>(), 0..20),
            size in 1_usize..40,
        ) {
            let mut coding = three_modes();
            if coding.ticks(&unit).is_ok() && !unit.is_empty() {
                let silent = coding.silence(&unit, size).unwrap();
                prop_assert_eq!(silent.len(), size);
                prop_assert!(coding.is_silence(&silent));
                prop_assert_eq!(coding.packet(&silent), coding.packet(&unit));
            }
        }
    }
}
