//! The coded unit: what every format is silenced in.

use crate::media::MediaError;

use super::{MaskError, QuarantineReason};

/// How far beyond its own playing time a unit is heard, in ticks of its coding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Reach {
    /// Before the unit's first tick.
    pub(super) before: u64,
    /// After its last: overlap of a transform, delay of a synthesis filter.
    pub(super) after: u64,
    /// How many whole units after a mask are silenced too, because they are coded relative to the
    /// masked past, or carry a copy of it.
    pub(super) units_after: u32,
}

/// How one codec's units are silenced, whatever container holds them.
///
/// A unit's time is counted in ticks of the coding's own clock, normally samples. A unit is
/// silenced when any tick that it influences ([`Reach`]) lies inside a mask.
pub(super) trait Coding: Send {
    /// Ticks per second.
    fn rate(&self) -> u32;

    /// How far a unit is heard beyond its time.
    fn reach(&self) -> Reach;

    /// How many ticks `unit` plays.
    ///
    /// # Errors
    /// [`UnitFault`] when its header breaks the rules.
    fn ticks(&mut self, unit: &[u8]) -> Result<u64, UnitFault>;

    /// The silent unit of exactly `size` bytes that stands in for `unit` and plays as long. It
    /// holds nothing of `unit` but what a decoder needs to go on (block type, channel layout).
    ///
    /// # Errors
    /// [`UnitFault`] when there is none of that size, or for `unit`'s profile.
    fn silence(&mut self, unit: &[u8], size: usize) -> Result<Vec<u8>, UnitFault>;

    /// Whether a unit is what [`Coding::silence`] writes, told from its bytes alone.
    fn is_silence(&mut self, unit: &[u8]) -> bool;

    /// Removes from a kept unit what could carry masked sound from elsewhere (padding). Most
    /// codecs have nothing of the kind.
    fn tidy(&mut self, _unit: &mut [u8]) {}

    /// How many masked units in a row may be given to [`Coding::level`] at once; 1 for none.
    fn level_units(&self) -> usize {
        1
    }

    /// The sizes of a row of masked units, levelled: the same count and sum, so that they no
    /// longer follow the loudness of what they held. Sizes that cannot change stay.
    fn level(&self, _sizes: &mut [usize]) {}

    /// The same for codings whose sizes depend on what is in the units.
    fn level_row(&self, units: &[&[u8]]) -> Vec<usize> {
        let mut sizes: Vec<usize> = units.iter().map(|unit| unit.len()).collect();
        self.level(&mut sizes);
        sizes
    }
}

/// What is wrong with a unit; whoever knows its offset makes an error of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UnitFault {
    /// It breaks the rules of its codec.
    Malformed(&'static str),
    /// It is of a kind that cannot be silenced in place.
    Unsupported(&'static str),
}

impl UnitFault {
    /// The error for a unit at `offset`.
    pub(super) fn at(self, offset: u64) -> MaskError {
        match self {
            Self::Malformed(what) => MediaError::Malformed { what: what.to_owned(), offset }.into(),
            Self::Unsupported(what) => MaskError::quarantine(
                QuarantineReason::MaskUnsupportedContainer,
                format!("{what} at byte {offset}"),
            ),
        }
    }
}
