//! Sorts the pages of a file by logical stream: multiplexed streams, and chains of them.

use super::clock::Moment;
use super::codec::recognise;
use super::stream::{Leaf, Stream, Unit};
use crate::mask::unit::Coding;
use crate::mask::{MaskError, MaskPlan};
use crate::media::{Measured, MediaError, OggPage, OggPiece};

/// Most streams that play at the same time.
const MAX_STREAMS: u64 = 16;

/// What a page turned out to be.
pub(super) enum Role {
    /// The first of its stream, with the packet that names the codec and what clears it.
    First(OggPiece, fn(&mut [u8])),
    /// Header packets, or parts of them.
    Header,
    /// The units that end on it.
    Sound(Vec<Unit>),
}

/// The streams that play at the moment. All of a chain's links play one after the other.
pub(super) struct Demux {
    plan: MaskPlan,
    facts: Measured,
    streams: Vec<Stream>,
    /// The stream of the last page.
    current: usize,
    /// A page that begins no stream was seen, so that one that does begins a new link.
    begun: bool,
    /// When the present link plays, in microseconds.
    base: Moment,
    pages: u64,
}

impl Demux {
    pub(super) fn new(plan: &MaskPlan, facts: &Measured) -> Self {
        let (plan, facts, streams) = (plan.clone(), facts.clone(), Vec::new());
        let base = Moment::default();
        Self { plan, facts, streams, current: 0, begun: false, base, pages: 0 }
    }

    /// Takes the next page, at byte `at` of the file.
    ///
    /// # Errors
    /// Damage, limits, and streams that cannot be silenced.
    pub(super) fn page(&mut self, bytes: &[u8], at: u64) -> Result<Role, MaskError> {
        let leaf = Leaf { number: self.pages, at, bytes, page: OggPage::read(bytes, at)? };
        self.pages = self.pages.saturating_add(1);
        if leaf.page.begins {
            if self.begun {
                self.end(at)?;
            }
            return self.begin(&leaf);
        }
        self.begun = true;
        let alone = self.streams.len() == 1;
        let serial = leaf.page.serial;
        let known = self.streams.iter_mut().enumerate().find(|(_, known)| known.serial == serial);
        let (index, stream) = known
            .ok_or_else(|| MediaError::malformed("a page belongs to no stream that plays", at))?;
        self.current = index;
        let header = stream.coding().is_none();
        let units = stream.page(&leaf, (&self.plan, &self.facts), alone)?;
        Ok(if header { Role::Header } else { Role::Sound(units) })
    }

    /// Whether a packet of sound goes on after the page that was taken last.
    pub(super) fn is_open(&self) -> bool {
        self.streams.get(self.current).is_some_and(Stream::is_open)
    }

    /// The coding of the page that was taken last.
    pub(super) fn coding(&mut self) -> Option<&mut dyn Coding> {
        self.streams.get_mut(self.current)?.coding()
    }

    /// Ends the streams that play. What follows at byte `at` plays after them.
    ///
    /// # Errors
    /// Malformed when a packet has no end.
    pub(super) fn end(&mut self, at: u64) -> Result<(), MaskError> {
        for stream in self.streams.drain(..) {
            let end = stream.end(at)?;
            self.base.early = self.base.early.max(end.early);
            self.base.late = self.base.late.max(end.late);
        }
        self.begun = false;
        Ok(())
    }

    fn begin(&mut self, leaf: &Leaf<'_>) -> Result<Role, MaskError> {
        let serial = leaf.page.serial;
        let mut pieces = leaf.page.pieces();
        let first = pieces.next().filter(|piece| piece.ends && !leaf.page.continued);
        let (Some(first), None) = (first, pieces.next()) else {
            let what = "the first page of a stream holds something else than one packet";
            return Err(MediaError::malformed(what, leaf.at).into());
        };
        if self.streams.iter().any(|stream| stream.serial == serial) {
            return Err(MediaError::malformed("a stream begins twice", leaf.at).into());
        }
        MediaError::check("the number of streams", self.streams.len() as u64 + 1, MAX_STREAMS)?;
        let packet = leaf.bytes.get(first.body.clone()).unwrap_or_default();
        let codec = recognise(packet, leaf.at.saturating_add(first.body.start as u64))?;
        let clear = codec.clear;
        let mut stream = Stream::new(serial, codec, self.base);
        stream.begin(leaf, (&self.plan, &self.facts))?;
        self.current = self.streams.len();
        self.streams.push(stream);
        Ok(Role::First(first, clear))
    }
}
