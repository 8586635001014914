//! One track's units on their way through: chosen, silenced, levelled, counted.

use std::collections::VecDeque;

use super::MaskError;
use super::ticks::{Chooser, TickSpans};
use super::unit::Coding;

/// Units of one track that were seen, and those of them that are silent now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Count {
    pub(super) total: u64,
    pub(super) silenced: u64,
}

/// Rewrites the units of one track in their order. Some must wait for later ones.
pub(super) trait Track: Send {
    /// Takes the next unit, which begins at byte `at` of the file. `from` is its first tick where
    /// the container says so; without it, units follow each other.
    ///
    /// # Errors
    /// A damaged unit, or one that cannot be silenced.
    fn push(&mut self, unit: Vec<u8>, at: u64, from: Option<u64>) -> Result<(), MaskError>;

    /// Says that something else stands in the file between the last unit and the next, which must
    /// stay at its place: sizes are not levelled across it.
    ///
    /// # Errors
    /// As [`Track::push`].
    fn gap(&mut self) -> Result<(), MaskError> {
        Ok(())
    }

    /// Says that no unit will come any more.
    ///
    /// # Errors
    /// As [`Track::push`].
    fn finish(&mut self) -> Result<(), MaskError>;

    /// The next finished unit. Units come out in the order in which they went in; together they
    /// have as many bytes.
    fn pop(&mut self) -> Option<Vec<u8>>;

    /// What was counted so far.
    fn count(&self) -> Count;
}

/// A unit that is to be silenced once its size is known.
struct Waiting {
    unit: Vec<u8>,
    at: u64,
}

/// The track of any codec whose units can be silenced one by one.
pub(super) struct CodedTrack {
    coding: Box<dyn Coding>,
    chooser: Chooser,
    next_tick: u64,
    count: Count,
    row: Vec<Waiting>,
    done: VecDeque<Vec<u8>>,
}

impl CodedTrack {
    pub(super) fn new(coding: Box<dyn Coding>, spans: TickSpans) -> Self {
        let chooser = Chooser::new(spans, coding.reach());
        Self {
            coding,
            chooser,
            next_tick: 0,
            count: Count::default(),
            row: Vec::new(),
            done: VecDeque::new(),
        }
    }

    /// Silences the waiting row.
    fn settle(&mut self) -> Result<(), MaskError> {
        let units: Vec<&[u8]> = self.row.iter().map(|waiting| waiting.unit.as_slice()).collect();
        let sizes = self.coding.level_row(&units);
        for (waiting, size) in self.row.drain(..).zip(sizes) {
            let silent = self.coding.silence(&waiting.unit, size);
            self.done.push_back(silent.map_err(|fault| fault.at(waiting.at))?);
        }
        Ok(())
    }
}

impl Track for CodedTrack {
    fn push(&mut self, mut unit: Vec<u8>, at: u64, from: Option<u64>) -> Result<(), MaskError> {
        let from = from.unwrap_or(self.next_tick);
        let ticks = self.coding.ticks(&unit).map_err(|fault| fault.at(at))?;
        self.next_tick = from.saturating_add(ticks);
        self.count.total += 1;
        if self.chooser.choose(from, self.next_tick) {
            self.count.silenced += 1;
            self.row.push(Waiting { unit, at });
            if self.row.len() >= self.coding.level_units() {
                self.settle()?;
            }
        } else {
            self.settle()?;
            self.coding.tidy(&mut unit);
            self.done.push_back(unit);
        }
        Ok(())
    }

    fn gap(&mut self) -> Result<(), MaskError> {
        self.settle()
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        self.settle()
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    fn count(&self) -> Count {
        self.count
    }
}
