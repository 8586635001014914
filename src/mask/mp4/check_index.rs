//! The check of a masked file's index: it is read anew, and compared with the source's.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

use super::check::Judge;
use super::rewrite::payload;
use super::stbl::untouched;
use super::video::InRuns;
use crate::mask::MaskError;
use crate::media::mp4::{Cursor, Index, MAX_INDEX_BYTES, Mp4Box, Sizes, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// An index box of the source that may be different in the result.
struct Rebuilt {
    part: Mp4Box,
    /// The boxes in it that may not.
    untouched: Vec<u8>,
}

/// What lies outside samples: compared at once where it may not change, and kept to be read.
pub(super) struct Boxes {
    /// Where bytes may differ. Invariant: sorted.
    allowed: Vec<Range<u64>>,
    rebuilt: Vec<Rebuilt>,
    /// Outside these ranges nothing is kept. Invariant: sorted.
    data: Vec<Range<u64>>,
    kept: Vec<(u64, Vec<u8>)>,
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
        let mut boxes = Self {
            allowed: Vec::new(),
            rebuilt: Vec::new(),
            data: index.top.iter().filter(|part| &part.kind == b"mdat").map(range).collect(),
            kept: Vec::new(),
            bytes: 0,
            total,
        };
        for (place, (track, judge)) in index.tracks.iter().zip(judges).enumerate() {
            match judge {
                Judge::Coded(_) => {
                    boxes.allowed.extend(track.table.size_fields.iter().map(|run| {
                        let len = u64::from(run.count).saturating_mul(u64::from(run.stride));
                        run.at..run.at.saturating_add(len)
                    }))
                }
                Judge::Pictures(judge) if !judge.required.is_empty() => {
                    if track.table.in_stbl > 0 && judge.may_change(track.table.in_stbl) {
                        boxes.allow(source, &track.stbl)?;
                    }
                    let own = index.fragments.iter().filter(|fragment| fragment.track == place);
                    for fragment in own {
                        let end = fragment.first.saturating_add(fragment.count);
                        if judge.may_change(end) {
                            boxes.allow(source, &fragment.traf)?;
                        }
                    }
                    let lists = index.top.iter().filter(|part| &part.kind == b"mfra");
                    boxes.allowed.extend(lists.map(|part| part.start..part.end));
                }
                _ => {}
            }
        }
        boxes.allowed.sort_by_key(|range| range.start);
        Ok(boxes)
    }

    fn allow(&mut self, source: &mut dyn ReadSeek, part: &Mp4Box) -> Result<(), MaskError> {
        let payload = payload(source, part)?;
        let untouched = untouched(&payload, part.offset)?;
        self.allowed.push(range(part));
        self.rebuilt.push(Rebuilt { part: *part, untouched });
        Ok(())
    }

    /// Takes bytes that belong to no sample.
    pub(super) fn push(
        &mut self,
        start: u64,
        source: &[u8],
        masked: &[u8],
    ) -> Result<(), MaskError> {
        let mut at = start;
        let end = start.saturating_add(source.len() as u64);
        let first = self.allowed.partition_point(|range| range.end <= start);
        for range in self.allowed.iter().skip(first).take_while(|range| range.start < end) {
            same(source, masked, start, at..range.start)?;
            at = at.max(range.end);
        }
        same(source, masked, start, at..end)?;
        let first = self.data.partition_point(|range| range.end <= start);
        if self.data.get(first).is_some_and(|range| range.start <= start && end <= range.end) {
            return Ok(());
        }
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

/// The masked file as far as it was kept; the rest reads as zeros.
struct Sparse<'a> {
    kept: &'a [(u64, Vec<u8>)],
    total: u64,
    at: u64,
}

impl Read for Sparse<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.total.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let end = |piece: &(u64, Vec<u8>)| piece.0.saturating_add(piece.1.len() as u64);
        let piece = self.kept.get(self.kept.partition_point(|piece| end(piece) <= self.at));
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
    pub(super) judges: Vec<Judge>,
    pub(super) boxes: Boxes,
    pub(super) total: u64,
}

impl IndexCheck<'_> {
    pub(super) fn run(self) -> Result<(), MaskError> {
        let Self { source, judges, boxes, total } = self;
        let wrong = |offset: u64| MaskError::Recheck { offset };
        let mut sparse = Sparse { kept: &boxes.kept, total, at: 0 };
        let masked = Index::read(&mut sparse, total)?;
        let moved = source.top.iter().zip(&masked.top).find(|(old, new)| {
            let freed = &old.kind == b"mfra" && &new.kind == b"free";
            (old.start, old.offset, old.end) != (new.start, new.offset, new.end)
                || (old.kind != new.kind && !freed)
        });
        if let Some((old, _)) = moved {
            return Err(wrong(old.start));
        }
        if source.top.len() != masked.top.len() || source.tracks.len() != masked.tracks.len() {
            return Err(wrong(boxes.total));
        }
        for rebuilt in &boxes.rebuilt {
            let payload = payload(&mut sparse, &rebuilt.part)?;
            if untouched(&payload, rebuilt.part.offset)? != rebuilt.untouched {
                return Err(wrong(rebuilt.part.start));
            }
        }
        for ((old, new), judge) in source.tracks.iter().zip(&masked.tracks).zip(judges) {
            let holds = match judge {
                Judge::Pictures(judge) => {
                    judge.finish(&old.table)
                        && same_head(old, new)
                        && same_pictures(old, new, &judge.gone)
                }
                Judge::Coded(judge) => {
                    let mut expected = old.table.clone();
                    if let Some(sizes) = judge.finish()? {
                        expected.sizes = Sizes::Each(sizes);
                    }
                    same_head(old, new) && expected == new.table
                }
                Judge::Filled { .. } => {
                    // QuickTime's size of 1 was replaced by the size of a frame.
                    let mut expected = new.table.clone();
                    if expected.sizes.count() == old.table.sizes.count() {
                        expected.sizes = old.table.sizes.clone();
                    }
                    same_head(old, new) && expected == old.table
                }
                Judge::Mp3(mut judge) => {
                    judge.finish()?;
                    same_head(old, new) && old.table == new.table
                }
                Judge::Same | Judge::Blank { .. } => same_head(old, new) && old.table == new.table,
            };
            if !holds {
                return Err(wrong(old.stbl.start));
            }
        }
        Ok(())
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
