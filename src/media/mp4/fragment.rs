//! Movie fragments (ISO 14496-12 section 8.8).

use super::samples::{ChunkRun, SampleTable, SizeFields, Sizes, append};
use super::{Budget, Fields, MediaError, Mp4Box, boxes_in, entry::slice};

/// What samples of a fragment have where it does not say (`trex`, overridden by `tfhd`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TrackDefaults {
    /// Which sample entry, counted from 1.
    pub description: u32,
    /// In media ticks.
    pub duration: u32,
    /// In bytes.
    pub size: u32,
    /// ISO 14496-12 section 8.8.3.1.
    pub flags: u32,
}

impl TrackDefaults {
    /// In sample flags: decoding cannot begin here.
    pub const NON_SYNC: u32 = 0x0001_0000;

    /// Track and defaults of a `trex` payload.
    pub(super) fn read_trex(payload: &[u8], at: u64) -> Result<(u32, Self), MediaError> {
        let mut fields = Fields::new(payload, at);
        fields.version()?;
        let track = fields.u32()?;
        let description = fields.u32()?;
        let (duration, size, flags) = (fields.u32()?, fields.u32()?, fields.u32()?);
        Ok((track, Self { description, duration, size, flags }))
    }
}

/// One `traf`, and which samples of its track it has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Fragment {
    /// The `traf` box.
    pub traf: Mp4Box,
    /// Which track of the index.
    pub track: usize,
    /// Number of the first sample.
    pub first: u32,
    /// How many.
    pub count: u32,
    /// What its samples have where it does not say.
    pub defaults: TrackDefaults,
    /// Where its data offsets count from, in the file.
    pub base: u64,
    /// Whether `base` is where the data of the `traf` before ended.
    pub base_follows: bool,
    /// Whether it has a `tfdt`.
    pub timed: bool,
}

/// What the fragments before have left of one track.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct TrackState {
    pub(super) id: u32,
    pub(super) defaults: TrackDefaults,
    /// Decoding time after its last sample.
    pub(super) dts: u64,
    /// Pictures: sync samples are listed.
    pub(super) pictures: bool,
}

/// One `moof`, being read.
pub(super) struct Moof<'a> {
    pub(super) start: u64,
    /// Offset of `payload` in the file.
    pub(super) at: u64,
    pub(super) payload: &'a [u8],
}

impl Moof<'_> {
    /// Adds the samples of every `traf` to the tables.
    pub(super) fn read(
        &self,
        states: &mut [TrackState],
        tables: &mut [SampleTable],
        budget: &mut Budget,
    ) -> Result<Vec<Fragment>, MediaError> {
        let mut found = Vec::new();
        let mut data_end = None;
        for traf in boxes_in(self.payload, self.at, budget)? {
            if &traf.kind != b"traf" {
                continue;
            }
            let payload = slice(self.payload, self.at, &traf).unwrap_or_default();
            let parts = boxes_in(payload, traf.offset, budget)?;
            let part = |kind: &[u8; 4]| parts.iter().find(|part| &part.kind == kind);
            let missing = || MediaError::malformed("a fragment has no tfhd box", traf.start);
            let tfhd = part(b"tfhd").ok_or_else(missing)?;
            let fields = |part: &Mp4Box| {
                Fields::new(slice(payload, traf.offset, part).unwrap_or_default(), part.offset)
            };
            let mut fragment = self.read_tfhd(fields(tfhd), traf, states, data_end)?;
            let (Some(state), Some(table)) =
                (states.get_mut(fragment.track), tables.get_mut(fragment.track))
            else {
                continue;
            };
            fragment.first = table.count();
            if let Some(tfdt) = part(b"tfdt") {
                let mut fields = fields(tfdt);
                let (version, _) = fields.version()?;
                state.dts = fields.number(version == 1)?;
                fragment.timed = true;
            }
            table.restarts.push((fragment.first, state.dts));
            let mut end = fragment.base;
            for trun in parts.iter().filter(|part| &part.kind == b"trun") {
                let run = TrackRun::read(fields(trun), &fragment.defaults, budget)?;
                end = add_run(&run, &fragment, end, state, table)?;
            }
            fragment.count = table.count().saturating_sub(fragment.first);
            data_end = Some(end);
            found.push(fragment);
        }
        Ok(found)
    }

    /// Section 8.8.7: flags 1 base data offset, 2 sample entry, 8 duration, 0x10 size, 0x20 flags,
    /// 0x20000 offsets count from `moof`.
    fn read_tfhd(
        &self,
        mut fields: Fields<'_>,
        traf: Mp4Box,
        states: &[TrackState],
        data_end: Option<u64>,
    ) -> Result<Fragment, MediaError> {
        let (_, flags) = fields.version()?;
        let id = fields.u32()?;
        let known = states.iter().enumerate().find(|(_, state)| state.id == id);
        let unknown = || MediaError::malformed("a fragment of an unknown track", traf.start);
        let (track, state) = known.ok_or_else(unknown)?;
        let mut defaults = state.defaults;
        let explicit = if flags & 1 != 0 { Some(fields.number(true)?) } else { None };
        let base_follows = explicit.is_none() && flags & 0x2_0000 == 0 && data_end.is_some();
        let base = explicit.or(data_end.filter(|_| base_follows)).unwrap_or(self.start);
        for (flag, value) in [
            (2, &mut defaults.description),
            (8, &mut defaults.duration),
            (0x10, &mut defaults.size),
            (0x20, &mut defaults.flags),
        ] {
            if flags & flag != 0 {
                *value = fields.u32()?;
            }
        }
        let (first, count, timed) = (0, 0, false);
        Ok(Fragment { traf, track, first, count, defaults, base, base_follows, timed })
    }
}

/// One sample of a track run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunEntry {
    /// In media ticks.
    pub duration: u32,
    /// In bytes.
    pub size: u32,
    /// ISO 14496-12 section 8.8.3.1.
    pub flags: u32,
    /// From decoding to composition time in media ticks.
    pub shift: i32,
}

/// A `trun` box (section 8.8.8): flags 1 data offset, 4 first sample's flags; each sample has 0x100
/// duration, 0x200 size, 0x400 flags, 0x800 composition offset.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackRun {
    /// 1 when composition offsets are signed.
    pub version: u8,
    /// Which fields are there.
    pub flags: u32,
    /// Where the data begins, from the fragment's base; else behind the run before.
    pub data_offset: Option<i32>,
    /// Offset in the file of the first entry.
    pub entries_at: u64,
    /// The samples.
    pub entries: Vec<RunEntry>,
}

impl TrackRun {
    /// Reads a `trun` payload.
    ///
    /// # Errors
    /// Malformed when it is cut short, and a limit on the samples.
    pub fn read(
        mut fields: Fields<'_>,
        defaults: &TrackDefaults,
        budget: &mut Budget,
    ) -> Result<Self, MediaError> {
        let (version, flags) = fields.version()?;
        let present = |flag: u32| flags & flag != 0;
        let count = fields.u32()?;
        budget.spend_samples(u64::from(count))?;
        let data_offset = if present(1) { Some(fields.u32()?.cast_signed()) } else { None };
        let first_flags = if present(4) { Some(fields.u32()?) } else { None };
        let entries_at = fields.at();
        let mut entries = Vec::new();
        for place in 0..count {
            let duration = if present(0x100) { fields.u32()? } else { defaults.duration };
            let size = if present(0x200) { fields.u32()? } else { defaults.size };
            let own = if present(0x400) { Some(fields.u32()?) } else { None };
            let first = first_flags.filter(|_| place == 0);
            let flags = own.or(first).unwrap_or(defaults.flags);
            let shift = if present(0x800) { fields.u32()?.cast_signed() } else { 0 };
            entries.push(RunEntry { duration, size, flags, shift });
        }
        Ok(Self { version, flags, data_offset, entries_at, entries })
    }

    /// Where the sizes stand: offset of the first, and bytes from one to the next.
    fn sizes(&self) -> Option<(u64, u32)> {
        let present = |flag: u32| self.flags & flag != 0;
        let fields = [0x100, 0x200, 0x400, 0x800].map(present).map(u32::from);
        let skipped = if present(0x100) { 4 } else { 0 };
        present(0x200)
            .then(|| (self.entries_at.saturating_add(skipped), fields.iter().sum::<u32>() * 4))
    }
}

/// Adds the samples of a run to its track's table. Returns where the run's data ends.
fn add_run(
    run: &TrackRun,
    fragment: &Fragment,
    data_end: u64,
    state: &mut TrackState,
    table: &mut SampleTable,
) -> Result<u64, MediaError> {
    let wrong = |what: &str| MediaError::malformed(what, fragment.traf.start);
    let relative = run.data_offset.map(|offset| fragment.base.checked_add_signed(offset.into()));
    let outside = || wrong("a track run lies outside the file");
    let mut offset = relative.unwrap_or(Some(data_end)).ok_or_else(outside)?;
    let count = u32::try_from(run.entries.len()).map_err(|_| wrong("a track run is too long"))?;
    if count == 0 {
        return Ok(offset);
    }
    let first = u32::try_from(table.chunks.len()).map_err(|_| wrong("too many track runs"))?;
    table.chunks.push(offset);
    let description = fragment.defaults.description;
    table.per_chunk.push(ChunkRun { first, samples: count, description });
    if let Some((at, stride)) = run.sizes() {
        table.size_fields.push(SizeFields { first: table.count(), count, at, stride });
    }
    let shifted = run.flags & 0x800 != 0;
    if table.shifts.is_empty() && shifted && table.count() > 0 {
        table.shifts.push(super::Run { count: table.count(), value: 0 });
    }
    for entry in &run.entries {
        if state.pictures && entry.flags & TrackDefaults::NON_SYNC == 0 {
            let number = table.count();
            table.sync.get_or_insert_default().push(number);
        }
        append(&mut table.durations, entry.duration);
        if shifted || !table.shifts.is_empty() {
            append(&mut table.shifts, entry.shift);
        }
        push_size(&mut table.sizes, entry.size).ok_or_else(|| wrong("too many samples"))?;
        offset = offset.saturating_add(u64::from(entry.size));
        state.dts = state.dts.saturating_add(u64::from(entry.duration));
    }
    Ok(offset)
}

/// Adds a sample; the list is written out once sizes differ.
fn push_size(sizes: &mut Sizes, size: u32) -> Option<()> {
    match sizes {
        Sizes::Same { count: 0, .. } => *sizes = Sizes::Same { size, count: 1 },
        Sizes::Same { size: same, count } if *same == size => *count = count.checked_add(1)?,
        Sizes::Same { size: same, count } => {
            let mut each = vec![*same; usize::try_from(*count).ok()?];
            each.push(size);
            *sizes = Sizes::Each(each);
        }
        Sizes::Each(each) => each.push(size),
    }
    Some(())
}
