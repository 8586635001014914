//! What every kind of source is taken apart into: coded units in decoding order.

use super::RenditionError;
use super::samples::Samples;
use crate::media::Coding;

/// Which track of a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Want {
    /// The first one of sound.
    Sound,
    /// The first one of pictures.
    Picture,
}

impl Want {
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Sound => "sound",
            Self::Picture => "picture",
        }
    }
}

/// One coded unit. Sixteen bytes: a plan holds one for each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unit {
    /// Bytes.
    pub(super) size: u32,
    /// Up to the decoding time of the next one, in ticks.
    pub(super) duration: u32,
    /// From decoding to composition time in ticks.
    pub(super) shift: i32,
    /// Whether decoding can begin here.
    pub(super) sync: bool,
}

impl Unit {
    /// Sound that needs no unit before it.
    pub(super) fn sound(size: usize, duration: u32) -> Self {
        let size = u32::try_from(size).unwrap_or(u32::MAX);
        Self { size, duration, shift: 0, sync: true }
    }
}

/// A unit, and when the container says that it plays.
#[derive(Debug, Clone, Copy)]
pub(super) struct Found {
    pub(super) unit: Unit,
    /// Composition time in ticks, where durations do not tell it: of pictures and sound in Matroska.
    pub(super) time: Option<i64>,
}

impl From<Unit> for Found {
    fn from(unit: Unit) -> Self {
        Self { unit, time: None }
    }
}

/// What is known when the last unit was given.
#[derive(Debug, Clone, Default)]
pub(super) struct End {
    /// Ticks at the end that are decoded, but not played.
    pub(super) cut: u64,
    /// The sample entry, where it could not be known before.
    pub(super) entry: Option<Vec<u8>>,
}

/// Gives the units of one track in decoding order. The same source gives the same units.
pub(super) trait Units {
    /// Steps to the next unit; `None` at the end.
    ///
    /// # Errors
    /// Malformed with the offset in the source, limits, I/O.
    fn next(&mut self) -> Result<Option<Found>, RenditionError>;

    /// Appends the bytes of the unit that [`Units::next`] gave last.
    ///
    /// # Errors
    /// As [`Units::next`].
    fn body(&mut self, out: &mut Vec<u8>) -> Result<(), RenditionError>;

    /// What is known after the last unit.
    fn end(&self) -> End {
        End::default()
    }
}

/// The next unit that has bytes. What has none plays nothing; its time is given back with it.
pub(super) fn next_filled(units: &mut dyn Units) -> Result<Option<(Found, u64)>, RenditionError> {
    let mut empty = 0_u64;
    loop {
        match units.next()? {
            None => return Ok(None),
            Some(found) if found.unit.size > 0 => return Ok(Some((found, empty))),
            Some(found) => empty = empty.saturating_add(u64::from(found.unit.duration)),
        }
    }
}

/// What must be decoded before a unit so that it sounds right.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Preroll {
    /// Ticks.
    pub(super) ticks: u64,
    /// Bytes of the bit reservoir (MP3), behind the headers of units.
    pub(super) bytes: u64,
    /// Bytes of a unit's headers.
    pub(super) overhead: u64,
}

impl Preroll {
    pub(super) const NONE: Self = Self::ticks(0);

    pub(super) const fn ticks(ticks: u64) -> Self {
        Self { ticks, bytes: 0, overhead: 0 }
    }
}

/// How a track's sound is decoded, for its peaks.
#[derive(Debug, Clone)]
pub(super) struct Heard {
    pub(super) coding: Coding,
    pub(super) channels: u16,
    pub(super) rate: u32,
}

/// An opened track that is copied unit by unit.
pub(super) struct Input {
    /// Width and height, for pictures.
    pub(super) picture: Option<(u16, u16)>,
    /// Ticks per second. Invariant: not 0.
    pub(super) timescale: u32,
    /// The sample entry; empty when [`Units::end`] gives it.
    pub(super) entry: Vec<u8>,
    pub(super) units: Box<dyn Units>,
    /// When the first sample plays on the file's clock, in microseconds.
    pub(super) first_us: i64,
    /// First tick that plays; `None` for the first composition time.
    pub(super) skip: Option<u64>,
    /// How many ticks play from there; `None` for all.
    pub(super) played: Option<u64>,
    pub(super) preroll: Preroll,
    /// `None` where there is no decoder for it.
    pub(super) heard: Option<Heard>,
}

/// An opened track.
pub(super) enum Opened {
    /// Its units are copied as they are.
    Copied(Input),
    /// It is decoded, and encoded as FLAC.
    Decoded {
        samples: Box<dyn Samples>,
        /// As [`Input::first_us`].
        first_us: i64,
    },
}

impl Opened {
    pub(super) fn decoded(samples: impl Samples + 'static) -> Self {
        Self::Decoded { samples: Box::new(samples), first_us: 0 }
    }

    /// As [`Input::first_us`].
    pub(super) const fn first_us(&self) -> i64 {
        match self {
            Self::Copied(input) => input.first_us,
            Self::Decoded { first_us, .. } => *first_us,
        }
    }
}
