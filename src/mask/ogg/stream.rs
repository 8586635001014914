//! One logical stream: its header packets, then its units with their times.

use std::ops::Range;

use super::clock::{Clock, Moment};
use super::codec::Codec;
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::unit::Coding;
use crate::mask::{MaskError, MaskPlan};
use crate::media::{Measured, MediaError, OggPage, OggPiece};

/// Longest packet of sound. Longer ones are no recording of calls.
const MAX_PACKET_BYTES: u64 = 1024 * 1024;
/// Most bytes of header packets that are kept for the codec. Pictures among them are larger.
const MAX_HEADER_BYTES: usize = 1024 * 1024;

/// A page on its way, and where it belongs.
#[derive(Debug, Clone)]
pub(super) struct Leaf<'a> {
    /// Counted over the whole file.
    pub(super) number: u64,
    /// Offset in the file.
    pub(super) at: u64,
    /// All of it.
    pub(super) bytes: &'a [u8],
    /// Its header.
    pub(super) page: OggPage<'a>,
}

/// Bytes of a page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Place {
    /// Number of the page in the file.
    pub(super) page: u64,
    pub(super) range: Range<usize>,
}

/// A packet of sound, given when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unit {
    /// Its parts on earlier pages.
    pub(super) before: Vec<Place>,
    /// The whole packet, if there are such parts.
    joined: Vec<u8>,
    /// Its last part, and that part's lacing values.
    pub(super) here: OggPiece,
    /// First tick, the earliest that it can be.
    pub(super) from: u64,
    /// After the last tick, the latest that it can be.
    pub(super) to: u64,
    /// Whether it is to be silent.
    pub(super) masked: bool,
}

impl Unit {
    /// The packet, of which the last part is on `page`.
    pub(super) fn bytes<'a>(&'a self, page: &'a [u8]) -> &'a [u8] {
        if self.before.is_empty() {
            page.get(self.here.body.clone()).unwrap_or_default()
        } else {
            &self.joined
        }
    }
}

/// A packet that goes on with the next page.
#[derive(Debug, Clone, Default)]
struct Open {
    places: Vec<Place>,
    bytes: Vec<u8>,
}

/// The part of a stream that is heard.
struct Sound {
    coding: Box<dyn Coding>,
    chooser: Chooser,
    clock: Clock,
}

/// One logical stream.
pub(super) struct Stream {
    pub(super) serial: u32,
    codec: Codec,
    headers: Vec<Vec<u8>>,
    sound: Option<Sound>,
    open: Option<Open>,
    /// Number of its last page.
    sequence: u32,
    base: Moment,
}

impl Stream {
    /// A stream that plays from `base` on, in microseconds.
    pub(super) fn new(serial: u32, codec: Codec, base: Moment) -> Self {
        let (headers, sound, open) = (Vec::new(), None, None);
        Self { serial, codec, headers, sound, open, sequence: 0, base }
    }

    /// Takes the stream's first page, which holds the first header packet.
    ///
    /// # Errors
    /// As [`Stream::page`].
    pub(super) fn begin(
        &mut self,
        leaf: &Leaf<'_>,
        spans: (&MaskPlan, &Measured),
    ) -> Result<(), MaskError> {
        self.sequence = leaf.page.sequence;
        self.header_page(leaf, spans)
    }

    /// Takes the stream's next page, and returns the units that end there. `alone` says that no
    /// other stream plays at the same time.
    ///
    /// # Errors
    /// Damaged packets and pages, limits, and what the codec cannot silence.
    pub(super) fn page(
        &mut self,
        leaf: &Leaf<'_>,
        spans: (&MaskPlan, &Measured),
        alone: bool,
    ) -> Result<Vec<Unit>, MaskError> {
        let gap = leaf.page.sequence != self.sequence.wrapping_add(1);
        if leaf.page.continued != self.open.is_some() || (gap && self.open.is_some()) {
            return Err(MediaError::malformed("a page is missing before this one", leaf.at).into());
        }
        self.sequence = leaf.page.sequence;
        if self.sound.is_none() {
            self.header_page(leaf, spans)?;
            return Ok(Vec::new());
        }
        let mut units = self.units(leaf)?;
        let Some(sound) = &mut self.sound else { return Ok(units) };
        time(&mut units, sound, leaf)?;
        if !alone && !sound.clock.begins_at_zero() {
            let what = "streams of one file that begin at different times";
            return Err(MediaError::unsupported(what).into());
        }
        Ok(units)
    }

    /// Whether a packet of sound goes on with the next page.
    pub(super) const fn is_open(&self) -> bool {
        self.sound.is_some() && self.open.is_some()
    }

    /// The coding, once there is sound.
    pub(super) fn coding(&mut self) -> Option<&mut dyn Coding> {
        match &mut self.sound {
            Some(sound) => Some(sound.coding.as_mut()),
            None => None,
        }
    }

    /// When what follows this stream plays, in microseconds.
    ///
    /// # Errors
    /// Malformed when a packet of it has no end.
    pub(super) fn end(&self, at: u64) -> Result<Moment, MaskError> {
        if self.open.is_some() {
            return Err(MediaError::malformed("a stream ends inside a packet", at).into());
        }
        let Some(sound) = &self.sound else { return Ok(self.base) };
        Ok(sound.clock.end(self.codec.pre_skip).convert(sound.coding.rate(), 1_000_000))
    }

    /// Collects header packets. Sound begins on a page of its own (RFC 7845 section 3).
    fn header_page(
        &mut self,
        leaf: &Leaf<'_>,
        (plan, facts): (&MaskPlan, &Measured),
    ) -> Result<(), MaskError> {
        for piece in leaf.page.pieces() {
            if self.headers.len() == self.codec.headers {
                let what = "sound begins on a page of headers";
                return Err(MediaError::malformed(what, leaf.at).into());
            }
            let mut open = self.open.take().unwrap_or_default();
            let kept: usize = self.headers.iter().map(Vec::len).sum();
            let part = leaf.bytes.get(piece.body).unwrap_or_default();
            // An empty packet with a place is one that was too long.
            let room =
                open.places.is_empty() && kept + open.bytes.len() + part.len() <= MAX_HEADER_BYTES;
            if room {
                open.bytes.extend_from_slice(part);
            } else {
                open.bytes = Vec::new();
                open.places = vec![Place { page: leaf.number, range: 0..0 }];
            }
            if piece.ends {
                self.headers.push(open.bytes);
            } else {
                self.open = Some(open);
            }
        }
        if self.headers.len() == self.codec.headers {
            let coding = (self.codec.coding)(&std::mem::take(&mut self.headers))?;
            let origin = i64::from(self.codec.pre_skip);
            let spans = TickSpans::new(plan, facts, coding.rate(), origin);
            let chooser = Chooser::new(spans, coding.reach());
            let clock = Clock::new(coding.rate(), self.base.convert(1_000_000, coding.rate()));
            self.sound = Some(Sound { coding, chooser, clock });
        }
        Ok(())
    }

    /// The packets of sound that end on this page, without their times.
    fn units(&mut self, leaf: &Leaf<'_>) -> Result<Vec<Unit>, MaskError> {
        let mut units = Vec::new();
        for here in leaf.page.pieces() {
            let (mut before, mut joined) = (Vec::new(), Vec::new());
            if let Some(open) = self.open.take() {
                (before, joined) = (open.places, open.bytes);
            }
            let part = leaf.bytes.get(here.body.clone()).unwrap_or_default();
            if !before.is_empty() || !here.ends {
                let found = joined.len().saturating_add(part.len()) as u64;
                MediaError::check("the size of a packet", found, MAX_PACKET_BYTES)?;
                joined.extend_from_slice(part);
            }
            if here.ends {
                // Some writers end a stream with an empty packet; it plays nothing.
                if !before.is_empty() || !part.is_empty() {
                    units.push(Unit { before, joined, here, from: 0, to: 0, masked: false });
                }
            } else {
                before.push(Place { page: leaf.number, range: here.body });
                self.open = Some(Open { places: before, bytes: joined });
            }
        }
        Ok(units)
    }
}

/// Gives the units of a page their times, and decides which of them are to be silent.
fn time(units: &mut [Unit], sound: &mut Sound, leaf: &Leaf<'_>) -> Result<(), MaskError> {
    let mut total = 0_u64;
    for unit in &mut *units {
        let ticks = sound.coding.ticks(unit.bytes(leaf.bytes));
        let at = leaf.at.saturating_add(unit.here.body.start as u64);
        unit.from = total;
        total = total.saturating_add(ticks.map_err(|fault| fault.at(at))?);
        unit.to = total;
    }
    if units.is_empty() {
        return Ok(());
    }
    let begun = sound.clock.advance(&leaf.page, total, leaf.at)?;
    for unit in units {
        unit.from = unit.from.saturating_add(begun.early);
        unit.to = unit.to.saturating_add(begun.late);
        unit.masked = sound.chooser.choose(unit.from, unit.to);
    }
    Ok(())
}
