//! Silences packets in their pages.

use super::demux::{Demux, Role};
use super::queue::Queue;
use super::stream::{Place, Unit};
use crate::mask::certificate::Scope;
use crate::mask::silence::Rewrite;
use crate::mask::unit::{Coding, UnitFault};
use crate::mask::{MaskError, MaskPlan};
use crate::media::{Cutter, Measured, OggFramer, ogg_lacing};

/// Rewrites an Ogg file page by page. Pages wait only for the ends of packets that they begin.
pub(super) struct OggRewrite {
    pages: Cutter<OggFramer>,
    demux: Demux,
    queue: Queue,
    units_total: u64,
    units_silenced: u64,
    /// Bytes that were taken.
    taken: u64,
}

impl OggRewrite {
    pub(super) fn new(plan: &MaskPlan, facts: &Measured) -> Self {
        Self {
            pages: Cutter::new(OggFramer),
            demux: Demux::new(plan, facts),
            queue: Queue::default(),
            units_total: 0,
            units_silenced: 0,
            taken: 0,
        }
    }

    fn advance(&mut self, last: bool, out: &mut Vec<u8>) -> Result<(), MaskError> {
        while let Some(piece) = self.pages.next(last)? {
            let role = self.demux.page(&piece.bytes, piece.at)?;
            let number = self.queue.push(piece.bytes, piece.at, self.demux.is_open())?;
            match role {
                Role::Header => {}
                Role::First(packet, clear) => {
                    let place = Place { page: number, range: packet.body };
                    clear(self.queue.place(&place).unwrap_or_default());
                }
                Role::Sound(units) => {
                    self.units_total += units.len() as u64;
                    self.units_silenced += units.iter().filter(|unit| unit.masked).count() as u64;
                    if let Some(coding) = self.demux.coding() {
                        let mut desk =
                            Desk { coding, queue: &mut self.queue, number, at: piece.at };
                        desk.rewrite(&units)?;
                    }
                }
            }
            self.queue.release(out)?;
        }
        Ok(())
    }
}

impl Rewrite for OggRewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.taken = self.taken.saturating_add(input.len() as u64);
        self.pages.push(input);
        self.advance(false, out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.advance(true, out)?;
        self.demux.end(self.taken)?;
        let (units_total, units_silenced) = (self.units_total, self.units_silenced);
        Ok(Scope { units_total, units_silenced, ..Scope::default() })
    }
}

/// One page of sound while it is worked on.
struct Desk<'a> {
    coding: &'a mut dyn Coding,
    queue: &'a mut Queue,
    /// The page's number in the queue, and its offset in the file.
    number: u64,
    at: u64,
}

impl Desk<'_> {
    /// Silences the masked units that end on the page, and tidies the kept ones.
    fn rewrite(&mut self, units: &[Unit]) -> Result<(), MaskError> {
        let most = self.coding.level_units().max(1);
        let mut rest = units;
        while let Some((unit, after)) = rest.split_first() {
            rest = if unit.masked && unit.before.is_empty() {
                let (row, after) = rest.split_at(row_len(rest, most));
                self.silence_row(row)?;
                after
            } else {
                self.rewrite_spread(unit)?;
                after
            };
        }
        Ok(())
    }

    /// A kept unit, or one that lies on several pages: its size stays.
    fn rewrite_spread(&mut self, unit: &Unit) -> Result<(), MaskError> {
        if !unit.masked && unit.before.is_empty() {
            if let Some(bytes) = self.queue.place(&self.here(unit)) {
                self.coding.tidy(bytes);
            }
            return Ok(());
        }
        let page = self.queue.page(self.number).map(|page| page.as_slice()).unwrap_or_default();
        let source = unit.bytes(page);
        let bytes = if unit.masked {
            self.coding.silence(source, source.len()).map_err(|fault| self.fault(unit, fault))?
        } else {
            let mut bytes = source.to_vec();
            self.coding.tidy(&mut bytes);
            bytes
        };
        let mut rest = bytes.as_slice();
        for place in unit.before.iter().chain([&self.here(unit)]) {
            let (now, later) = rest.split_at_checked(place.range.len()).unwrap_or_default();
            if let Some(bytes) = self.queue.place(place).filter(|bytes| bytes.len() == now.len()) {
                bytes.copy_from_slice(now);
            }
            rest = later;
        }
        for place in &unit.before {
            self.queue.close(place.page);
        }
        Ok(())
    }

    /// Masked units that follow each other on the page share their bytes and lacing values.
    fn silence_row(&mut self, row: &[Unit]) -> Result<(), MaskError> {
        let (Some(first), Some(last)) = (row.first(), row.last()) else { return Ok(()) };
        let sizes: Vec<usize> = row.iter().map(|unit| unit.here.body.len()).collect();
        let levelled = levelled(self.coding, &sizes);
        let (sizes, silent) = match self.silence(row, &levelled) {
            Ok(silent) => (levelled, silent),
            Err(_) if levelled != sizes => {
                let silent = self.silence(row, &sizes);
                (sizes, silent.map_err(|fault| self.fault(first, fault))?)
            }
            Err(fault) => return Err(self.fault(first, fault)),
        };
        let lacing: Vec<u8> = sizes.iter().flat_map(|size| ogg_lacing(*size)).collect();
        let ranges = [
            (first.here.body.start..last.here.body.end, silent),
            (first.here.lacing.start..last.here.lacing.end, lacing),
        ];
        for (range, bytes) in ranges {
            let place = Place { page: self.number, range };
            let target = self.queue.place(&place).filter(|target| target.len() == bytes.len());
            target.ok_or(MaskError::Recheck { offset: self.at })?.copy_from_slice(&bytes);
        }
        Ok(())
    }

    /// The silent units for `row`, in the given sizes, one after the other.
    fn silence(&mut self, row: &[Unit], sizes: &[usize]) -> Result<Vec<u8>, UnitFault> {
        let page = self.queue.page(self.number).map(|page| page.as_slice()).unwrap_or_default();
        let mut silent = Vec::new();
        for (unit, size) in row.iter().zip(sizes) {
            silent.extend(self.coding.silence(unit.bytes(page), *size)?);
        }
        Ok(silent)
    }

    fn here(&self, unit: &Unit) -> Place {
        Place { page: self.number, range: unit.here.body.clone() }
    }

    fn fault(&self, unit: &Unit, fault: UnitFault) -> MaskError {
        fault.at(self.at.saturating_add(unit.here.body.start as u64))
    }
}

/// How many of the first units are masked, lie on this page only, and follow each other; at most
/// `most`.
fn row_len(units: &[Unit], most: usize) -> usize {
    let mut next = units.first().map(|unit| unit.here.lacing.start);
    let row = units.iter().take(most).take_while(|unit| {
        let fits = unit.masked && unit.before.is_empty() && next == Some(unit.here.lacing.start);
        next = Some(unit.here.lacing.end);
        fits
    });
    row.count().max(1)
}

/// The sizes of a row, levelled so that they need as many lacing values as before.
fn levelled(coding: &dyn Coding, sizes: &[usize]) -> Vec<usize> {
    if coding.level_units() <= 1 {
        return sizes.to_vec();
    }
    let full = |sizes: &[usize]| sizes.iter().map(|size| size / 255).sum::<usize>();
    let mut even = sizes.to_vec();
    coding.level(&mut even);
    if full(&even) == full(sizes) {
        return even;
    }
    // As many full lacing values, and as many bytes beyond them, each spread evenly.
    let (wide, count) = (full(sizes), sizes.len().max(1));
    let over: usize = sizes.iter().map(|size| size % 255).sum();
    let share = |sum: usize, at: usize| sum / count + usize::from(at < sum % count);
    (0..sizes.len()).map(|at| 255 * share(wide, at) + share(over, at)).collect()
}
