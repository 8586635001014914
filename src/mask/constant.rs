//! Codecs with one silent unit that fits everywhere.

use super::unit::{Coding, Reach, UnitFault};

/// Units that are equally long in bytes and in time, and the one that is silent. A cut-off last
/// unit becomes as much of the silent one as fits.
#[derive(Debug, Clone)]
pub(super) struct ConstantUnit {
    pub(super) rate: u32,
    /// Samples of one unit.
    pub(super) samples: u64,
    pub(super) reach: Reach,
    pub(super) silent: Vec<u8>,
}

impl Coding for ConstantUnit {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn reach(&self) -> Reach {
        self.reach
    }

    fn ticks(&mut self, _unit: &[u8]) -> Result<u64, UnitFault> {
        Ok(self.samples)
    }

    fn silence(&mut self, _unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let silent = self.silent.get(..size);
        silent.map(<[u8]>::to_vec).ok_or(UnitFault::Malformed("a unit that is too long"))
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        self.silent.starts_with(unit)
    }
}
