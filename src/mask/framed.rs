//! Formats without an index: units one after the other, with something between them at most.

use std::collections::VecDeque;

use super::certificate::Scope;
use super::line::Line;
use super::silence::Rewrite;
use super::ticks::{Chooser, TickSpans};
use super::track::Track;
use super::unit::Coding;
use super::{MaskError, Recheck};
use crate::media::{Cutter, Framer, Piece};

/// Rewrites the units that a framer cuts out, and leaves everything else as it is.
pub(super) struct FramedRewrite<F> {
    cutter: Cutter<F>,
    track: [Box<dyn Track>; 1],
    line: Line,
}

impl<F: Framer> FramedRewrite<F> {
    pub(super) fn new(framer: F, track: Box<dyn Track>) -> Self {
        Self { cutter: Cutter::new(framer), track: [track], line: Line::default() }
    }

    fn advance(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), MaskError> {
        while let Some(piece) = self.cutter.next(last)? {
            let [track] = &mut self.track;
            if piece.unit {
                self.line.unit(0, piece.bytes.len());
                track.push(piece.bytes, piece.at, None)?;
            } else {
                track.gap()?;
                self.line.bytes(piece.bytes);
            }
            self.line.release(&mut self.track, out)?;
        }
        Ok(())
    }
}

impl<F: Framer> Rewrite for FramedRewrite<F> {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.cutter.push(input);
        self.advance(false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.advance(true, out)?;
        let [track] = &mut self.track;
        track.finish()?;
        let count = track.count();
        self.line.release(&mut self.track, out)?;
        Ok(Scope { units_total: count.total, units_silenced: count.silenced, ..Scope::default() })
    }
}

/// What the result must have.
enum Expected {
    /// This piece, where it was.
    Kept(Piece),
    /// A silent unit; where the source's began.
    Silent(u64),
}

/// The check for such formats: cuts both files, and compares unit by unit.
///
/// Units of the result need not begin where the source's did inside a mask (levelled sizes); kept
/// ones must be where they were.
pub(super) struct FramedCheck<F> {
    source: Cutter<F>,
    masked: Cutter<F>,
    coding: Box<dyn Coding>,
    chooser: Chooser,
    next_tick: u64,
    /// Pieces of the source that have no counterpart yet.
    expected: VecDeque<Expected>,
}

impl<F: Framer> FramedCheck<F> {
    /// Two framers for the two files, begun alike.
    pub(super) fn new(framers: (F, F), coding: Box<dyn Coding>, spans: TickSpans) -> Self {
        let chooser = Chooser::new(spans, coding.reach());
        Self {
            source: Cutter::new(framers.0),
            masked: Cutter::new(framers.1),
            coding,
            chooser,
            next_tick: 0,
            expected: VecDeque::new(),
        }
    }

    fn advance(&mut self, last: bool) -> Result<(), MaskError> {
        while let Some(mut piece) = self.source.next(last)? {
            let mut keep = true;
            if piece.unit {
                let ticks = self.coding.ticks(&piece.bytes).map_err(|fault| fault.at(piece.at))?;
                let from = self.next_tick;
                self.next_tick = from.saturating_add(ticks);
                keep = !self.chooser.choose(from, self.next_tick);
                if keep {
                    self.coding.tidy(&mut piece.bytes);
                }
            }
            let expected = if keep { Expected::Kept(piece) } else { Expected::Silent(piece.at) };
            self.expected.push_back(expected);
        }
        // The result's pieces may be whole before the source's; they wait in their cutter.
        while !self.expected.is_empty() {
            let Some(piece) = self.masked.next(last)? else { break };
            let wrong = MaskError::Recheck { offset: piece.at };
            let holds = match self.expected.pop_front() {
                Some(Expected::Kept(kept)) => kept == piece,
                Some(Expected::Silent(_)) => piece.unit && self.coding.is_silence(&piece.bytes),
                None => false,
            };
            if !holds {
                return Err(wrong);
            }
        }
        Ok(())
    }
}

impl<F: Framer> Recheck for FramedCheck<F> {
    fn push(&mut self, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        self.source.push(source);
        self.masked.push(masked);
        self.advance(false)
    }

    fn finish(mut self: Box<Self>) -> Result<(), MaskError> {
        self.advance(true)?;
        let missing = self.expected.front().map(|expected| match expected {
            Expected::Kept(Piece { at, .. }) | Expected::Silent(at) => *at,
        });
        match missing.or(self.masked.next(true)?.map(|piece| piece.at)) {
            Some(offset) => Err(MaskError::Recheck { offset }),
            None => Ok(()),
        }
    }
}
