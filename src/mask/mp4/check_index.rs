//! The check of a masked file's index: it is read anew, and compared with the source's.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::check::Judge;
use super::patch::Patch;
use super::rebuild::{index_without, read_at};
use super::rewrite::free_kind;
use super::sound::{field_at, resize};
use super::unclaimed::hollow;
use super::video::InRuns;
use crate::mask::MaskError;
use crate::media::mp4::{Cursor, Index, MAX_INDEX_BYTES, Mp4Box, SampleTable, Sizes, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// What the masks change in a track's index.
pub(super) enum Change {
    /// Nothing.
    Nothing,
    /// Nothing; but QuickTime's size of 1 was replaced by the size of a PCM frame when it was read.
    Filled,
    /// Samples have these sizes.
    Sizes(Vec<u32>),
    /// These pictures are gone. Invariant: sorted.
    Gone(Vec<Range<u32>>),
}

/// Bytes from an offset in the file on.
type Piece = (u64, Vec<u8>);

fn end_of(piece: &Piece) -> u64 {
    piece.0.saturating_add(piece.1.len() as u64)
}

/// What lies outside samples: judged at once where it may not change or must be zero, and kept to
/// be read.
pub(super) struct Boxes {
    /// What the source has where the result may differ; later, what the result must have there.
    /// Invariant: sorted.
    expected: Vec<Piece>,
    /// What lies here is zero, and is not kept. Invariant: sorted, not overlapping, none empty.
    hollow: Vec<Range<u64>>,
    kept: Vec<Piece>,
    bytes: u64,
    total: u64,
}

impl Boxes {
    /// Finds out from the source what may change.
    pub(super) fn new(
        source: &mut dyn ReadSeek,
        index: &Index,
        judges: &[Judge],
        total: u64,
    ) -> Result<Self, MaskError> {
        let mut changing = Vec::new();
        let mut freed = Vec::new();
        for (place, (track, judge)) in index.tracks.iter().zip(judges).enumerate() {
            match judge {
                Judge::Coded(_) => changing.extend(track.table.size_fields.iter().map(|fields| {
                    let last = fields.count.saturating_sub(1);
                    fields.at..field_at(fields, last).saturating_add(4)
                })),
                Judge::Pictures(judge) if judge.drops() => {
                    changing.push(range(&track.stbl));
                    let own = index.fragments.iter().filter(|fragment| fragment.track == place);
                    changing.extend(own.map(|fragment| range(&fragment.traf)));
                    freed = index.top.iter().filter(|part| &part.kind == b"mfra").collect();
                }
                _ => {}
            }
        }
        changing.extend(freed.iter().map(|part| part.start..part.end));
        changing.sort_by_key(|range| range.start);
        let hollow = hollow(source, index)?;
        let mut boxes = Self { expected: Vec::new(), hollow, kept: Vec::new(), bytes: 0, total };
        let mut held = 0_u64;
        for range in changing {
            let len = range.end.saturating_sub(range.start);
            held = held.saturating_add(len);
            MediaError::check("the size of the boxes", held, MAX_INDEX_BYTES)?;
            let mut bytes = vec![0; usize::try_from(len).unwrap_or(0)];
            read_at(source, range.start, &mut bytes)?;
            boxes.expected.push((range.start, bytes));
        }
        for part in freed {
            let zeros = vec![0; usize::try_from(part.len()).unwrap_or(0)];
            boxes.expect(&[free_kind(part), Patch { at: part.offset, bytes: zeros }])?;
        }
        Ok(boxes)
    }

    /// The result must have these bytes.
    fn expect(&mut self, patches: &[Patch]) -> Result<(), MaskError> {
        for patch in patches {
            let place = self.expected.partition_point(|piece| end_of(piece) <= patch.at);
            let piece = self.expected.get_mut(place);
            let inside = piece.and_then(|(start, bytes)| {
                let from = usize::try_from(patch.at.checked_sub(*start)?).ok()?;
                bytes.get_mut(from..from.checked_add(patch.bytes.len())?)
            });
            let inside = inside.ok_or(MaskError::Recheck { offset: patch.at })?;
            inside.copy_from_slice(&patch.bytes);
        }
        Ok(())
    }

    /// Compares what the result must have with what it has.
    fn compare(&self) -> Result<(), MaskError> {
        let mut found = Sparse { kept: &self.kept, total: self.total, at: 0 };
        for (start, expected) in &self.expected {
            let mut bytes = vec![0; expected.len()];
            read_at(&mut found, *start, &mut bytes)?;
            super::check::same(expected, &bytes, *start)?;
        }
        Ok(())
    }

    /// Takes bytes that belong to no sample.
    pub(super) fn push(
        &mut self,
        start: u64,
        source: &[u8],
        masked: &[u8],
    ) -> Result<(), MaskError> {
        let (mut at, mut source, mut masked) = (start, source, masked);
        while !source.is_empty() {
            let place = self.hollow.partition_point(|range| range.end <= at);
            let range = self.hollow.get(place);
            let inside = range.is_some_and(|range| range.start <= at);
            let until = range.map(|range| if inside { range.end } else { range.start });
            let len = until.map_or(u64::MAX, |until| until.saturating_sub(at));
            let len = usize::try_from(len).unwrap_or(usize::MAX).min(source.len());
            let (left, right) =
                (source.get(..len).unwrap_or_default(), masked.get(..len).unwrap_or_default());
            if inside {
                let wrong = (at..).zip(right).find(|(_, byte)| **byte != 0);
                wrong.map_or(Ok(()), |(offset, _)| Err(MaskError::Recheck { offset }))?;
            } else {
                self.keep(at, left, right)?;
            }
            at = at.saturating_add(len as u64);
            source = source.get(len..).unwrap_or_default();
            masked = masked.get(len..).unwrap_or_default();
        }
        Ok(())
    }

    /// Takes bytes of boxes that say something.
    fn keep(&mut self, start: u64, source: &[u8], masked: &[u8]) -> Result<(), MaskError> {
        let mut at = start;
        let end = start.saturating_add(source.len() as u64);
        let first = self.expected.partition_point(|piece| end_of(piece) <= start);
        for piece in self.expected.iter().skip(first).take_while(|piece| piece.0 < end) {
            same(source, masked, start, at..piece.0)?;
            at = at.max(end_of(piece));
        }
        same(source, masked, start, at..end)?;
        self.bytes = self.bytes.saturating_add(masked.len() as u64);
        match self.kept.last_mut() {
            Some((at, bytes)) if at.saturating_add(bytes.len() as u64) == start => {
                bytes.extend_from_slice(masked);
            }
            _ => self.kept.push((start, masked.to_vec())),
        }
        MediaError::check("the size of the boxes", self.bytes, 2 * MAX_INDEX_BYTES)?;
        Ok(())
    }
}

fn range(part: &Mp4Box) -> Range<u64> {
    part.offset..part.end
}

/// The bytes of file positions `range` must be the same.
fn same(source: &[u8], masked: &[u8], start: u64, range: Range<u64>) -> Result<(), MaskError> {
    let skip = usize::try_from(range.start.saturating_sub(start)).unwrap_or(usize::MAX);
    let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let pairs = source.iter().zip(masked).skip(skip).take(len);
    match (range.start..).zip(pairs).find(|(_, (left, right))| left != right) {
        Some((offset, _)) => Err(MaskError::Recheck { offset }),
        None => Ok(()),
    }
}

/// A file as far as it was kept; the rest reads as zeros.
struct Sparse<'a> {
    kept: &'a [Piece],
    total: u64,
    at: u64,
}

impl Read for Sparse<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.total.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let piece = self.kept.get(self.kept.partition_point(|piece| end_of(piece) <= self.at));
        let hole = piece.map_or(u64::MAX, |piece| piece.0.saturating_sub(self.at));
        let skip = piece.map_or(0, |piece| self.at.saturating_sub(piece.0));
        let bytes = piece.and_then(|piece| piece.1.get(usize::try_from(skip).ok()?..));
        let bytes = bytes.filter(|_| hole == 0).unwrap_or_default();
        let most =
            if hole == 0 { bytes.len() } else { usize::try_from(hole).unwrap_or(usize::MAX) };
        let count = out.len().min(left).min(most);
        for (place, at) in out.iter_mut().take(count).zip(0..) {
            *place = bytes.get::<usize>(at).copied().unwrap_or(0);
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Sparse<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.at = match to {
            SeekFrom::Start(at) => at,
            SeekFrom::Current(by) => self.at.saturating_add_signed(by),
            SeekFrom::End(by) => self.total.saturating_add_signed(by),
        };
        Ok(self.at)
    }
}

/// Compares the result's index with the source's.
pub(super) struct IndexCheck<'a> {
    pub(super) source: &'a Index,
    /// One for each track.
    pub(super) changes: Vec<Change>,
    pub(super) boxes: Boxes,
    pub(super) total: u64,
}

impl IndexCheck<'_> {
    /// Every byte must be what the changes demand; and what is read from these bytes, too.
    pub(super) fn run(mut self) -> Result<(), MaskError> {
        self.demand()?;
        self.boxes.compare()?;
        let Self { source, changes, boxes, total } = self;
        let wrong = |offset: u64| MaskError::Recheck { offset };
        let masked = Index::read(&mut Sparse { kept: &boxes.kept, total, at: 0 }, total)?;
        let moved = source.top.iter().zip(&masked.top).find(|(old, new)| {
            let freed = &old.kind == b"mfra" && &new.kind == b"free";
            (old.start, old.offset, old.end) != (new.start, new.offset, new.end)
                || (old.kind != new.kind && !freed)
        });
        if let Some((old, _)) = moved {
            return Err(wrong(old.start));
        }
        if source.top.len() != masked.top.len() || source.tracks.len() != masked.tracks.len() {
            return Err(wrong(total));
        }
        for ((old, new), change) in source.tracks.iter().zip(&masked.tracks).zip(changes) {
            let holds = match change {
                Change::Nothing => old.table == new.table,
                Change::Gone(gone) => same_pictures(old, new, &gone),
                Change::Sizes(sizes) => {
                    let sizes = Sizes::Each(sizes);
                    SampleTable { sizes, ..old.table.clone() } == new.table
                }
                Change::Filled => {
                    let alike = old.table.sizes.count() == new.table.sizes.count();
                    let sizes = if alike { &old.table.sizes } else { &new.table.sizes };
                    SampleTable { sizes: sizes.clone(), ..new.table.clone() } == old.table
                }
            };
            if !holds || !same_head(old, new) {
                return Err(wrong(old.stbl.start));
            }
        }
        Ok(())
    }

    /// Applies the changes to what the source has.
    fn demand(&mut self) -> Result<(), MaskError> {
        let mut patches = Vec::new();
        for (place, (track, change)) in self.source.tracks.iter().zip(&self.changes).enumerate() {
            match change {
                Change::Nothing | Change::Filled => {}
                Change::Sizes(sizes) => patches.extend(resize(&track.table, sizes)),
                Change::Gone(gone) => {
                    let mut held = Sparse { kept: &self.boxes.expected, total: self.total, at: 0 };
                    let rebuilt = index_without(&mut held, self.source, place, gone)?;
                    let misfit = |_| MaskError::Recheck { offset: track.stbl.start };
                    patches.extend(rebuilt.map_err(misfit)?);
                }
            }
        }
        self.boxes.expect(&patches)
    }
}

fn same_head(old: &TrackIndex, new: &TrackIndex) -> bool {
    let head = |track: &TrackIndex| {
        (track.id, track.handler, track.timescale, track.self_contained, track.stbl)
    };
    head(old) == head(new) && old.edits == new.edits && old.entries == new.entries
}

/// Whether `new` has just the pictures of `old` that are not gone, each at its place and time. The
/// first one of all may play from the start of what is gone before it.
fn same_pictures(old: &TrackIndex, new: &TrackIndex, gone: &[Range<u32>]) -> bool {
    if gone.is_empty() {
        return old.table == new.table;
    }
    let mut dropped = InRuns::new(gone);
    let (mut left, mut right) = (Cursor::default(), Cursor::default());
    let (mut first, mut listed_end) = (true, (0, 0));
    while let Some(picture) = left.next(&old.table) {
        if picture.number < old.table.in_stbl {
            listed_end.0 = picture.dts.saturating_add(picture.duration);
        }
        if dropped.contains(picture.number) {
            continue;
        }
        let Some(kept) = right.next(&new.table) else { return false };
        if kept.number < new.table.in_stbl {
            listed_end.1 = kept.dts.saturating_add(kept.duration);
        }
        let starts = first && kept.dts == 0 && picture.number < old.table.in_stbl;
        first = false;
        let same = (kept.offset, kept.len, kept.sync, kept.description)
            == (picture.offset, picture.len, picture.sync, picture.description);
        let in_time = (kept.dts, kept.shift) == (picture.dts, picture.shift);
        if !same || !(in_time || starts && kept.pts() <= picture.pts()) {
            return false;
        }
    }
    right.next(&new.table).is_none() && (new.table.in_stbl == 0 || listed_end.0 == listed_end.1)
}
