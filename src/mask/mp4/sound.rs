//! Sound in units: which are silenced, how long each becomes, and the track that does it.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use super::patch::Patch;
use super::rebuild::read_at;
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
        if let Some(first) = first_units(source, &track.table, 1)?.first() {
            let ticks = coding.ticks(first).map_err(|fault| fault.at(track.stbl.start))?;
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

/// The first `count` units of a track.
pub(super) fn first_units(
    source: &mut dyn ReadSeek,
    table: &SampleTable,
    count: usize,
) -> Result<Vec<Vec<u8>>, MediaError> {
    let mut cursor = Cursor::default();
    let mut units = Vec::new();
    while let Some(sample) = next_unit(&mut cursor, table).filter(|_| units.len() < count) {
        units.push(read_unit(source, &sample)?);
    }
    Ok(units)
}

fn read_unit(source: &mut dyn ReadSeek, sample: &Sample) -> Result<Vec<u8>, MediaError> {
    check_unit(sample)?;
    let mut unit = vec![0; usize::try_from(sample.len).unwrap_or(0)];
    read_at(source, sample.offset, &mut unit)?;
    Ok(unit)
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
        source: &mut dyn ReadSeek,
        track: &TrackIndex,
        coding: &mut dyn Coding,
        clock: UnitClock,
        spans: TickSpans,
    ) -> Result<Self, MaskError> {
        let mut chooser = Chooser::new(spans, clock.reach);
        let mut plan = Self { runs: Vec::new(), sizes: None };
        let mut rows = Rows::new(&track.table, coding);
        let mut levels = Levels::new(&track.table);
        let mut row = Vec::new();
        let mut cursor = Cursor::default();
        while let Some(sample) = next_unit(&mut cursor, &track.table) {
            let (from, to) = clock.interval(&sample);
            if !chooser.choose(from, to) {
                continue;
            }
            extend(&mut plan.runs, sample.number);
            if coding.level_units() < 2 {
                continue;
            }
            if rows.begins(&sample) {
                levels.settle(&mut row, coding);
            }
            let unit = read_unit(source, &sample)?;
            coding.ticks(&unit).map_err(|fault| fault.at(sample.offset))?;
            row.push((sample.number, unit));
        }
        levels.settle(&mut row, coding);
        plan.sizes = levels.finish();
        Ok(plan)
    }

    /// The bytes of the index that change with the sizes.
    pub(super) fn patches(&self, table: &SampleTable) -> Vec<Patch> {
        self.sizes.as_ref().map(|sizes| resize(table, sizes)).unwrap_or_default()
    }
}

/// The bytes of the index that change when the samples of `table` have `sizes`.
pub(super) fn resize(table: &SampleTable, sizes: &[u32]) -> Vec<Patch> {
    let mut patches: Vec<Patch> = Vec::new();
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

pub(super) fn field_at(fields: &SizeFields, place: u32) -> u64 {
    fields.at.saturating_add(u64::from(place).saturating_mul(u64::from(fields.stride)))
}

/// Adds `number`, which is higher than all before, to runs.
pub(super) fn extend(runs: &mut Vec<Range<u32>>, number: u32) {
    match runs.last_mut() {
        Some(run) if run.end == number => run.end = number.saturating_add(1),
        _ => runs.push(number..number.saturating_add(1)),
    }
}

/// Tells where rows of silenced units begin. A row ends with its chunk: what lies behind it stays
/// in place.
pub(super) struct Rows {
    /// Which samples' sizes can be rewritten. Invariant: sorted.
    fields: Vec<Range<u32>>,
    /// The field range that the row is in or before.
    field: usize,
    longest: usize,
    units: usize,
    bytes: u64,
    /// Number after the row's last sample.
    end: u32,
    chunk: u32,
}

impl Rows {
    pub(super) fn new(table: &SampleTable, coding: &dyn Coding) -> Self {
        let fields = table.size_fields.iter();
        let fields = fields.map(|run| run.first..run.first.saturating_add(run.count)).collect();
        let longest = coding.level_units();
        Self { fields, field: 0, longest, units: 0, bytes: 0, end: 0, chunk: 0 }
    }

    /// Takes the next silenced unit. True when it begins a row.
    pub(super) fn begins(&mut self, sample: &Sample) -> bool {
        while self.fields.get(self.field).is_some_and(|range| range.end <= sample.number) {
            self.field += 1;
        }
        let writable = self.fields.get(self.field).is_some_and(|run| run.contains(&sample.number));
        let follows = self.end == sample.number && self.chunk == sample.chunk;
        let bytes = self.bytes.saturating_add(sample.len);
        let fits = self.units < self.longest && bytes <= MAX_UNIT_BYTES;
        let begins = !(writable && follows && fits);
        (self.units, self.bytes) = if begins { (1, sample.len) } else { (self.units + 1, bytes) };
        self.end = sample.number.saturating_add(1);
        self.chunk = sample.chunk;
        begins
    }
}

/// The sizes of all samples, some of them levelled.
pub(super) struct Levels {
    sizes: Vec<u32>,
    changed: bool,
}

impl Levels {
    pub(super) fn new(table: &SampleTable) -> Self {
        let sizes = match &table.sizes {
            Sizes::Each(sizes) => sizes.clone(),
            Sizes::Same { .. } => Vec::new(),
        };
        Self { sizes, changed: false }
    }

    /// Ends a row of numbered units. Returns their new sizes.
    pub(super) fn settle(
        &mut self,
        row: &mut Vec<(u32, Vec<u8>)>,
        coding: &dyn Coding,
    ) -> Vec<usize> {
        let row = std::mem::take(row);
        let units: Vec<&[u8]> = row.iter().map(|(_, unit)| unit.as_slice()).collect();
        let old: Vec<usize> = units.iter().map(|unit| unit.len()).collect();
        if row.len() < 2 || self.sizes.is_empty() {
            return old;
        }
        let new = coding.level_row(&units);
        let sum = |sizes: &[usize]| sizes.iter().sum::<usize>();
        if new.len() != old.len() || sum(&new) != sum(&old) || new.contains(&0) {
            return old;
        }
        for ((number, _), size) in row.iter().zip(&new) {
            let place = usize::try_from(*number).ok().and_then(|place| self.sizes.get_mut(place));
            if let (Some(place), Ok(size)) = (place, u32::try_from(*size)) {
                self.changed |= *place != size;
                *place = size;
            }
        }
        new
    }

    /// The sizes of all samples, if any changed.
    pub(super) fn finish(self) -> Option<Vec<u32>> {
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

/// MP3 frames, which find their own way: tells the track their time in samples.
pub(super) struct Mp3Frames {
    pub(super) track: Box<dyn Track>,
    pub(super) rate: u32,
    pub(super) timescale: u32,
}

impl Mp3Frames {
    /// Media ticks in samples, rounded down.
    pub(super) fn samples(ticks: u64, rate: u32, timescale: u32) -> u64 {
        let scaled = u128::from(ticks) * u128::from(rate) / u128::from(timescale.max(1));
        u64::try_from(scaled).unwrap_or(u64::MAX)
    }
}

impl Track for Mp3Frames {
    fn push(&mut self, unit: Vec<u8>, at: u64, from: Option<u64>) -> Result<(), MaskError> {
        let from = from.map(|ticks| Self::samples(ticks, self.rate, self.timescale));
        self.track.push(unit, at, from)
    }

    fn finish(&mut self) -> Result<(), MaskError> {
        self.track.finish()
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        self.track.pop()
    }

    fn count(&self) -> Count {
        self.track.count()
    }
}

/// Refuses units that are too long to be held.
pub(super) fn check_unit(sample: &Sample) -> Result<(), MediaError> {
    MediaError::check("the size of a unit of sound", sample.len, MAX_UNIT_BYTES)
}
