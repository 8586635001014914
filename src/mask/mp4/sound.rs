//! Sound in units: which are silenced, how long each becomes, and the track that does it.

use std::collections::VecDeque;
use std::io::SeekFrom;
use std::ops::Range;
use std::sync::Arc;

use super::patch::Patch;
use crate::mask::MaskError;
use crate::mask::ticks::{Chooser, TickSpans};
use crate::mask::track::{Count, Track};
use crate::mask::unit::{Coding, Reach, UnitFault};
use crate::media::mp4::{Cursor, Index, Sample, SampleTable, SizeFields, Sizes, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// Longest unit of sound in bytes. A second of uncompressed surround sound has less.
const MAX_UNIT_BYTES: u64 = 4 * 1024 * 1024;

/// The clock of a coded track: how its units relate to media ticks.
#[derive(Debug, Clone, Copy)]
pub(super) struct UnitClock {
    /// In media ticks.
    pub(super) reach: Reach,
    /// How many media ticks the first unit plays by its own header. The table may say less of the
    /// last unit, whose end is not to be heard.
    pub(super) nominal: u64,
    rate: u32,
    timescale: u32,
}

impl UnitClock {
    /// Reads the first unit of `track`.
    pub(super) fn read(
        source: &mut dyn ReadSeek,
        track: &TrackIndex,
        coding: &mut dyn Coding,
    ) -> Result<Self, MaskError> {
        let (rate, timescale) = (coding.rate().max(1), track.timescale);
        let mut clock = Self { reach: Reach::default(), nominal: 0, rate, timescale };
        let reach = coding.reach();
        clock.reach = Reach {
            before: clock.media_ticks(reach.before),
            after: clock.media_ticks(reach.after),
            units_after: reach.units_after,
        };
        let mut cursor = Cursor::default();
        if let Some(first) = next_unit(&mut cursor, &track.table) {
            MediaError::check("the size of a unit of sound", first.len, MAX_UNIT_BYTES)?;
            let mut unit = vec![0; usize::try_from(first.len).unwrap_or(0)];
            source.seek(SeekFrom::Start(first.offset)).map_err(MediaError::Io)?;
            source.read_exact(&mut unit).map_err(MediaError::Io)?;
            let ticks = coding.ticks(&unit).map_err(|fault| fault.at(first.offset))?;
            clock.nominal = clock.media_ticks(ticks);
        }
        Ok(clock)
    }

    /// Ticks of the coding as media ticks, rounded up.
    pub(super) fn media_ticks(&self, ticks: u64) -> u64 {
        let scaled = u128::from(ticks) * u128::from(self.timescale);
        u64::try_from(scaled.div_ceil(u128::from(self.rate))).unwrap_or(u64::MAX)
    }

    /// The media ticks that a unit plays.
    pub(super) fn interval(&self, sample: &Sample) -> (u64, u64) {
        let len = sample.duration.max(self.nominal);
        (sample.dts, sample.dts.saturating_add(len))
    }
}

/// The next sample that is not empty.
pub(super) fn next_unit(cursor: &mut Cursor, table: &SampleTable) -> Option<Sample> {
    loop {
        let sample = cursor.next(table)?;
        if sample.len > 0 {
            return Some(sample);
        }
    }
}

/// Which units of a track are silenced, and how long they become.
#[derive(Debug, Clone)]
pub(super) struct SoundPlan {
    /// Numbers of the silenced units. Invariant: sorted.
    pub(super) runs: Vec<Range<u32>>,
    /// The sizes of all samples after levelling; `None` when none changes.
    sizes: Option<Vec<u32>>,
}

impl SoundPlan {
    /// Chooses the units of `track` that are heard in `spans`, and levels their sizes.
    pub(super) fn new(
        track: &TrackIndex,
        coding: &dyn Coding,
        clock: UnitClock,
        spans: TickSpans,
    ) -> Self {
        let mut chooser = Chooser::new(spans, clock.reach);
        let mut plan = Self { runs: Vec::new(), sizes: None };
        let mut levels = Levels::new(&track.table, coding);
        let mut cursor = Cursor::default();
        while let Some(sample) = next_unit(&mut cursor, &track.table) {
            let (from, to) = clock.interval(&sample);
            if chooser.choose(from, to) {
                extend(&mut plan.runs, sample.number);
                levels.masked(&sample, coding);
            } else {
                levels.settle(coding);
            }
        }
        plan.sizes = levels.finish(coding);
        plan
    }

    /// The bytes of the index that change with the sizes.
    pub(super) fn patches(&self, table: &SampleTable) -> Vec<Patch> {
        let mut patches: Vec<Patch> = Vec::new();
        let Some(sizes) = &self.sizes else { return patches };
        for fields in &table.size_fields {
            for place in 0..fields.count {
                let number = fields.first.saturating_add(place);
                let new = usize::try_from(number).ok().and_then(|number| sizes.get(number));
                let Some(new) = new.filter(|new| table.sizes.of(number) != Some(**new)) else {
                    continue;
                };
                let at = field_at(fields, place);
                match patches.last_mut() {
                    Some(last) if last.end() == at => last.bytes.extend(new.to_be_bytes()),
                    _ => patches.push(Patch { at, bytes: new.to_be_bytes().to_vec() }),
                }
            }
        }
        patches
    }
}

fn field_at(fields: &SizeFields, place: u32) -> u64 {
    fields.at.saturating_add(u64::from(place).saturating_mul(u64::from(fields.stride)))
}

/// Adds `number`, which is higher than all before, to runs.
pub(super) fn extend(runs: &mut Vec<Range<u32>>, number: u32) {
    match runs.last_mut() {
        Some(run) if run.end == number => run.end = number.saturating_add(1),
        _ => runs.push(number..number.saturating_add(1)),
    }
}

/// Levels rows of silenced units. A row ends with the chunk: what lies behind it stays in place.
pub(super) struct Levels {
    sizes: Vec<u32>,
    changed: bool,
    /// Which samples' sizes can be rewritten. Invariant: sorted.
    fields: Vec<Range<u32>>,
    /// The field range that the row is in or before.
    field: usize,
    row: Vec<usize>,
    /// Number after the row's last sample.
    end: u32,
    chunk: u32,
}

impl Levels {
    pub(super) fn new(table: &SampleTable, coding: &dyn Coding) -> Self {
        let sizes = match &table.sizes {
            Sizes::Each(sizes) if coding.level_units() > 1 => sizes.clone(),
            _ => Vec::new(),
        };
        let fields = table.size_fields.iter();
        let fields = fields.map(|run| run.first..run.first.saturating_add(run.count)).collect();
        Self { sizes, changed: false, fields, field: 0, row: Vec::new(), end: 0, chunk: 0 }
    }

    /// Takes the next silenced unit. Returns whether it began a new row.
    pub(super) fn masked(&mut self, sample: &Sample, coding: &dyn Coding) -> bool {
        while self.fields.get(self.field).is_some_and(|range| range.end <= sample.number) {
            self.field += 1;
        }
        let writable = self.fields.get(self.field).is_some_and(|run| run.contains(&sample.number));
        let whole = self.row.len() >= coding.level_units();
        let follows = self.end == sample.number && self.chunk == sample.chunk;
        let begins = whole || !follows || !writable || self.row.is_empty();
        if begins {
            self.settle(coding);
        }
        if writable && !self.sizes.is_empty() {
            self.row.push(usize::try_from(sample.len).unwrap_or(0));
        }
        self.end = sample.number.saturating_add(1);
        self.chunk = sample.chunk;
        begins
    }

    /// Ends the row.
    pub(super) fn settle(&mut self, coding: &dyn Coding) {
        let mut row = std::mem::take(&mut self.row);
        if row.len() < 2 {
            return;
        }
        let sum: usize = row.iter().sum();
        coding.level(&mut row);
        let first = usize::try_from(self.end).unwrap_or(0).checked_sub(row.len());
        let last = self.end as usize;
        let places = first.and_then(|first| self.sizes.get_mut(first..last));
        if row.iter().sum::<usize>() != sum || row.contains(&0) {
            return;
        }
        for (place, size) in places.unwrap_or_default().iter_mut().zip(row) {
            let size = u32::try_from(size).unwrap_or(*place);
            self.changed |= *place != size;
            *place = size;
        }
    }

    /// Ends the last row. The sizes of all samples, if any changed.
    pub(super) fn finish(mut self, coding: &dyn Coding) -> Option<Vec<u32>> {
        self.settle(coding);
        self.changed.then_some(self.sizes)
    }
}

/// A track whose units were chosen before.
pub(super) struct PlannedTrack {
    index: Arc<Index>,
    track: usize,
    cursor: Cursor,
    coding: Box<dyn Coding>,
    clock: UnitClock,
    plan: SoundPlan,
    /// The first run that does not lie wholly behind the cursor.
    run: usize,
    count: Count,
    done: VecDeque<Vec<u8>>,
}

impl PlannedTrack {
    pub(super) fn new(
        index: Arc<Index>,
        track: usize,
        coding: Box<dyn Coding>,
        clock: UnitClock,
        plan: SoundPlan,
    ) -> Self {
        let (cursor, count, done) = (Cursor::default(), Count::default(), VecDeque::new());
        Self { index, track, cursor, coding, clock, plan, run: 0, count, done }
    }
}

impl Track for PlannedTrack {
    fn push(&mut self, mut unit: Vec<u8>, at: u64, _from: Option<u64>) -> Result<(), MaskError> {
        let surplus = UnitFault::Malformed("a unit of sound that the index does not have");
        let table = self.index.tracks.get(self.track).map(|track| &track.table);
        let sample = table.and_then(|table| next_unit(&mut self.cursor, table));
        let sample = sample.ok_or_else(|| surplus.at(at))?;
        let ticks = self.coding.ticks(&unit).map_err(|fault| fault.at(at))?;
        let (from, to) = self.clock.interval(&sample);
        if self.clock.media_ticks(ticks) > to.saturating_sub(from).saturating_add(1) {
            let fault = UnitFault::Unsupported("a unit of sound plays longer than the index says");
            return Err(fault.at(at));
        }
        self.count.total += 1;
        while self.plan.runs.get(self.run).is_some_and(|run| run.end <= sample.number) {
            self.run += 1;
        }
        if self.plan.runs.get(self.run).is_some_and(|run| run.contains(&sample.number)) {
            self.count.silenced += 1;
            let place = usize::try_from(sample.number).ok();
            let level = self.plan.sizes.as_ref().zip(place).and_then(|(all, at)| all.get(at));
            let size = level.and_then(|size| usize::try_from(*size).ok()).unwrap_or(unit.len());
            unit = self.coding.silence(&unit, size).map_err(|fault| fault.at(at))?;
        } else {
            self.coding.tidy(&mut unit);
        }
        self.done.push_back(unit);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        Ok(())
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.done.pop_front()
    }

    fn count(&self) -> Count {
        self.count
    }
}

/// Refuses units that are too long to be held.
pub(super) fn check_unit(sample: &Sample) -> Result<(), MediaError> {
    MediaError::check("the size of a unit of sound", sample.len, MAX_UNIT_BYTES)
}
