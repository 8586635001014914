//! The samples of a track, as compact as the file lists them.

/// So many samples in a row with one value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run<T> {
    /// Samples. Invariant: not 0.
    pub count: u32,
    /// What each of them has.
    pub value: T,
}

/// Adds one more sample to runs.
pub fn append<T: PartialEq>(runs: &mut Vec<Run<T>>, value: T) {
    match runs.last_mut() {
        Some(run) if run.value == value && run.count < u32::MAX => run.count += 1,
        _ => runs.push(Run { count: 1, value }),
    }
}

/// Samples per chunk, from a chunk on (ISO 14496-12 section 8.7.4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkRun {
    /// First chunk, counted from 0.
    pub first: u32,
    /// Samples in each. Invariant: not 0.
    pub samples: u32,
    /// Which sample entry, counted from 1.
    pub description: u32,
}

/// Sizes of the samples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sizes {
    /// So many samples of one size.
    Same {
        /// Bytes.
        size: u32,
        /// Samples.
        count: u32,
    },
    /// One by one.
    Each(Vec<u32>),
}

impl Sizes {
    /// How many samples.
    pub fn count(&self) -> u32 {
        match self {
            Self::Same { count, .. } => *count,
            Self::Each(sizes) => u32::try_from(sizes.len()).unwrap_or(u32::MAX),
        }
    }

    /// Size of a sample in bytes.
    pub fn of(&self, number: u32) -> Option<u32> {
        match self {
            Self::Same { size, count } => (number < *count).then_some(*size),
            Self::Each(sizes) => sizes.get(usize::try_from(number).ok()?).copied(),
        }
    }
}

/// Where the file has the sizes of samples, 32 bits each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SizeFields {
    /// First sample, and how many.
    pub first: u32,
    /// How many samples.
    pub count: u32,
    /// Offset of the first one's size in the file.
    pub at: u64,
    /// From one size to the next in bytes.
    pub stride: u32,
}

/// All samples of a track. Those of fragments follow those of `stbl`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SampleTable {
    /// Sizes; their number is the track's.
    pub sizes: Sizes,
    /// Offset of each chunk (or track run) in the file.
    pub chunks: Vec<u64>,
    /// Samples in the chunks. Invariant: sorted, and together as many as there are sizes.
    pub per_chunk: Vec<ChunkRun>,
    /// How long each plays, in media ticks. Invariant: as many as there are sizes.
    pub durations: Vec<Run<u32>>,
    /// From decoding to composition time; empty when they are the same.
    pub shifts: Vec<Run<i32>>,
    /// Numbers of the samples at which decoding can begin; `None` when it can at each.
    pub sync: Option<Vec<u32>>,
    /// Decoding times that do not follow from the durations before: sample and media tick.
    pub restarts: Vec<(u32, u64)>,
    /// Where sizes stand in the file, in order.
    pub size_fields: Vec<SizeFields>,
    /// How many samples `stbl` has; the others are in fragments.
    pub in_stbl: u32,
}

impl SampleTable {
    /// How many samples.
    pub fn count(&self) -> u32 {
        self.sizes.count()
    }

    /// Decoding time after the last sample, in media ticks.
    pub fn end(&self) -> u64 {
        let mut numbers = 0_u64;
        let restart = self.restarts.last();
        let (first, mut end) = restart.map_or((0, 0), |(first, dts)| (u64::from(*first), *dts));
        for run in &self.durations {
            numbers = numbers.saturating_add(u64::from(run.count));
            let count = numbers.saturating_sub(first).min(u64::from(run.count));
            end = end.saturating_add(count.saturating_mul(u64::from(run.value)));
        }
        end
    }
}

/// One sample, or a whole chunk of equal ones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sample {
    /// Counted from 0.
    pub number: u32,
    /// How many; 1 but for a chunk.
    pub count: u32,
    /// Which chunk, counted from 0.
    pub chunk: u32,
    /// Which sample entry, counted from 1.
    pub description: u32,
    /// Offset in the file.
    pub offset: u64,
    /// Bytes.
    pub len: u64,
    /// Decoding time in media ticks.
    pub dts: u64,
    /// In media ticks.
    pub duration: u64,
    /// From decoding to composition time in media ticks.
    pub shift: i32,
    /// Decoding can begin here.
    pub sync: bool,
}

impl Sample {
    /// Composition time in media ticks.
    pub fn pts(&self) -> i128 {
        i128::from(self.dts) + i128::from(self.shift)
    }
}

/// A place in runs.
#[derive(Debug, Clone, Copy, Default)]
struct RunCursor {
    run: usize,
    used: u32,
}

impl RunCursor {
    /// Steps over `count` samples, and calls `each` with every value and for how many it holds.
    fn advance<T: Copy>(&mut self, runs: &[Run<T>], mut count: u32, mut each: impl FnMut(T, u32)) {
        while let Some(run) = runs.get(self.run).filter(|_| count > 0) {
            let step = run.count.saturating_sub(self.used).min(count);
            each(run.value, step);
            count -= step;
            self.used += step;
            if self.used >= run.count {
                self.run += 1;
                self.used = 0;
            }
        }
    }
}

/// Goes through the samples of a table in decoding order. It does not hold the table, which must
/// be the same at every step.
#[derive(Debug, Clone, Default)]
pub struct Cursor {
    number: u32,
    next_chunk: u32,
    chunk_run: usize,
    description: u32,
    left_in_chunk: u32,
    offset: u64,
    dts: u64,
    durations: RunCursor,
    shifts: RunCursor,
    sync: usize,
    restart: usize,
}

impl Cursor {
    /// The next sample.
    pub fn next(&mut self, table: &SampleTable) -> Option<Sample> {
        self.step(table, false)
    }

    /// What is left of the chunk, as one; for tables whose sizes are all the same.
    pub fn next_chunk(&mut self, table: &SampleTable) -> Option<Sample> {
        self.step(table, true)
    }

    fn step(&mut self, table: &SampleTable, whole_chunk: bool) -> Option<Sample> {
        let size = table.sizes.of(self.number)?;
        self.enter_chunk(table)?;
        while let Some((first, dts)) = table.restarts.get(self.restart) {
            if *first > self.number {
                break;
            }
            self.dts = *dts;
            self.restart += 1;
        }
        let left = table.count().saturating_sub(self.number);
        let count = if whole_chunk { self.left_in_chunk.min(left) } else { 1 };
        let len = u64::from(size).saturating_mul(u64::from(count));
        let (mut duration, mut shift) = (0_u64, None);
        self.durations.advance(&table.durations, count, |value, count| {
            let all = u64::from(value).saturating_mul(u64::from(count));
            duration = duration.saturating_add(all);
        });
        self.shifts.advance(&table.shifts, count, |value, _| shift = shift.or(Some(value)));
        let sample = Sample {
            number: self.number,
            count,
            chunk: self.next_chunk.saturating_sub(1),
            description: self.description,
            offset: self.offset,
            len,
            dts: self.dts,
            duration,
            shift: shift.unwrap_or(0),
            sync: self.at_sync(table),
        };
        self.number = self.number.saturating_add(count);
        self.left_in_chunk = self.left_in_chunk.saturating_sub(count);
        self.offset = self.offset.saturating_add(len);
        self.dts = self.dts.saturating_add(duration);
        Some(sample)
    }

    fn enter_chunk(&mut self, table: &SampleTable) -> Option<()> {
        if self.left_in_chunk > 0 {
            return Some(());
        }
        self.offset = *table.chunks.get(usize::try_from(self.next_chunk).ok()?)?;
        let begun = |run: &ChunkRun| run.first <= self.next_chunk;
        if table.per_chunk.get(self.chunk_run + 1).is_some_and(begun) {
            self.chunk_run += 1;
        }
        let run = table.per_chunk.get(self.chunk_run)?;
        self.left_in_chunk = run.samples;
        self.description = run.description;
        self.next_chunk = self.next_chunk.saturating_add(1);
        Some(())
    }

    fn at_sync(&mut self, table: &SampleTable) -> bool {
        let Some(list) = &table.sync else { return true };
        while let Some(number) = list.get(self.sync) {
            if *number >= self.number {
                return *number == self.number;
            }
            self.sync += 1;
        }
        false
    }
}
