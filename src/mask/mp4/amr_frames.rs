//! AMR in 3GP: a sample is one or more frames of the storage format (3GPP TS 26.244 section 6.5).

use crate::mask::amr;
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::media::AmrBand;

/// Samples of one or more AMR frames.
struct Frames {
    band: AmrBand,
    frame: Box<dyn Coding>,
}

/// The coding of samples with frames of `band`.
pub(super) fn coding(band: AmrBand) -> Box<dyn Coding> {
    Box::new(Frames { band, frame: amr::coding(band) })
}

impl Frames {
    fn split<'a>(&self, unit: &'a [u8]) -> Option<Vec<&'a [u8]>> {
        let mut frames = Vec::new();
        let mut rest = unit;
        while let Some(head) = rest.first() {
            let (frame, later) = rest.split_at_checked(self.band.frame_bytes(*head)?)?;
            if frame.is_empty() {
                return None;
            }
            frames.push(frame);
            rest = later;
        }
        Some(frames)
    }
}

const DAMAGED: UnitFault = UnitFault::Malformed("a damaged AMR frame");

impl Coding for Frames {
    fn rate(&self) -> u32 {
        self.frame.rate()
    }

    fn reach(&self) -> Reach {
        self.frame.reach()
    }

    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault> {
        let mut ticks = 0_u64;
        for frame in self.split(unit).ok_or(DAMAGED)? {
            ticks = ticks.saturating_add(self.frame.ticks(frame)?);
        }
        Ok(ticks)
    }

    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault> {
        let mut silent = Vec::with_capacity(unit.len());
        for frame in self.split(unit).ok_or(DAMAGED)? {
            silent.extend(self.frame.silence(frame, frame.len())?);
        }
        if silent.len() == size { Ok(silent) } else { Err(DAMAGED) }
    }

    fn is_silence(&mut self, unit: &[u8]) -> bool {
        let frames = self.split(unit);
        frames.is_some_and(|frames| frames.iter().all(|frame| self.frame.is_silence(frame)))
    }
}
