//! G.722 at 64 kbit/s: a byte is two samples, one code for each half of the band.

use super::unit::Reach;

/// Samples in one byte.
pub(super) const SAMPLES_PER_BYTE: u64 = 2;
/// The smallest step in both halves, again and again. The decoder settles on a constant of some
/// tens of LSB at most, which differs with what came before.
pub(super) const SILENT_BYTE: u8 = 0xFF;
/// What came before has died away after 120 samples. The decoder's filter spans 24 samples, which
/// are coded after the masked past: 12 bytes.
pub(super) const REACH: Reach = Reach { before: 0, after: 120, units_after: 12 };
