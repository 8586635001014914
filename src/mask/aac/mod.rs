//! AAC LC: silent elements and padding in place of a raw_data_block, in ADTS, MP4 and Matroska.
//!
//! A frame sounds during its own 1024 (or 960) samples and the next as many, and nothing in one
//! frame tells how to read another. So a kept frame holds nothing of a masked one. Two things are
//! left as they are: a decoder that fills noise bands (PNS) from its own generator gives another
//! noise after a mask, from the same coded bits; and what ADTS plays at time 0 is the first sample
//! of the first frame, encoder delay included, for no player knows that delay.
//!
//! HE-AAC is held back: its frames are coded relative to each other.

mod adts;
mod block;
mod sbr;
#[cfg(test)]
mod tests;

pub(super) use adts::{check, open};
pub(super) use sbr::carries_sbr;

use super::unit::{Coding, Reach, UnitFault};
use super::{MaskError, QuarantineReason};
use crate::media::AudioSpecificConfig;
use block::BlockCoder;

/// The coding of raw_data_blocks that `config` describes, as MP4 and Matroska hold them.
///
/// Where [`AudioSpecificConfig::sbr`] is `None`, the first blocks must go through [`carries_sbr`]
/// too, and the file be held back with [`implicit_sbr`] when they do.
///
/// # Errors
/// Quarantine for anything but AAC LC in a known channel configuration.
pub(super) fn coding(config: &AudioSpecificConfig) -> Result<Box<dyn Coding>, MaskError> {
    if let Some(name) = config.unusual_coding() {
        return Err(held_back(name));
    }
    let layout = config.layout.clone();
    let blocks = BlockCoder::new(layout.ok_or_else(|| held_back(UNKNOWN_CHANNELS))?);
    Ok(Box::new(RawBlocks { blocks, rate: config.sample_rate, samples: config.frame_samples }))
}

/// What a stream is held back for when [`carries_sbr`] found SBR in it.
pub(super) fn implicit_sbr() -> MaskError {
    held_back("HE-AAC (SBR, not signalled)")
}

const UNKNOWN_CHANNELS: &str = "AAC in a channel configuration that is not known";

fn held_back(what: &str) -> MaskError {
    MaskError::quarantine(QuarantineReason::MaskUnsupportedContainer, what)
}

/// One raw_data_block a unit.
struct RawBlocks {
    blocks: BlockCoder,
    rate: u32,
    /// Samples a block.
    samples: u32,
}

impl Coding for RawBlocks {
    fn rate(&self) -> u32 {
        self.rate
    }

    fn reach(&self) -> Reach {
        Reach { after: u64::from(self.samples), ..Reach::default() }
    }

    fn ticks(&mut self, _unit: &[u8]) -> Result<u64, UnitFault> {
        Ok(u64::from(self.samples))
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        self.blocks.silence(unit, size)
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        self.blocks.is_silence(unit)
    }
}
