//! The rewriter: units of sound through their tracks, everything else by patches.

use std::ops::Range;
use std::sync::Arc;

use super::MAX_EARLY;
use super::order::FileOrder;
use super::patch::{Overlay, Patch};
use super::rebuild::{index_without, read_picture};
use super::sound::check_unit;
use super::text::TextKind;
use super::treatment::refused;
use super::unclaimed::Unclaimed;
use super::video::{Dropped, InRuns};
use crate::mask::MaskError;
use crate::mask::certificate::Scope;
use crate::mask::key_picture::PictureKind;
use crate::mask::line::Line;
use crate::mask::patch::{Edit, Patcher};
use crate::mask::silence::Rewrite;
use crate::mask::ticks::TickSpans;
use crate::mask::track::Track;
use crate::mask::unit::Reach;
use crate::media::mp4::{Cursor, Index, MAX_INDEX_BYTES, Mp4Box, Sample, SampleTable, TrackIndex};
use crate::media::{MediaError, ReadSeek};

/// From so many pictures on, a gap that does not fit is not begun still earlier when it can go on
/// to a later sync sample.
const EARLY_BEFORE_LATE: u32 = 8;
/// Most sync samples that are passed over.
const MAX_LATE: usize = 64;

/// All that is to change in one file.
pub(super) struct Changes {
    pub(super) scope: Scope,
    pub(super) patches: Vec<Patch>,
    fills: Vec<Edit>,
    tracks: Vec<Box<dyn Track>>,
    /// For each track of the index its place in `tracks`.
    slots: Vec<Option<usize>>,
    pictures_dropped: bool,
}

impl Changes {
    pub(super) fn new(tracks: usize) -> Self {
        Self {
            scope: Scope::default(),
            patches: Vec::new(),
            fills: Vec::new(),
            tracks: Vec::new(),
            slots: vec![None; tracks],
            pictures_dropped: false,
        }
    }

    /// Fills a range, which is not before any other of the same track.
    pub(super) fn fill(&mut self, edit: Edit) {
        match self.fills.last_mut() {
            Some(last) if last.to == edit.from && last.fill == edit.fill => last.to = edit.to,
            _ => self.fills.push(edit),
        }
    }

    /// Sends the units of a track through `rewriter`.
    pub(super) fn rewrite_units(&mut self, track: usize, rewriter: Box<dyn Track>) {
        if let Some(slot) = self.slots.get_mut(track) {
            *slot = Some(self.tracks.len());
            self.tracks.push(rewriter);
        }
    }

    /// Blanks the text that is seen in `spans`.
    pub(super) fn blank(
        &mut self,
        track: &TrackIndex,
        kind: TextKind,
        spans: &TickSpans,
    ) -> Result<(), MaskError> {
        let mut cursor = Cursor::default();
        let mut bytes = 0_u64;
        while let Some(sample) = cursor.next(&track.table) {
            self.scope.units_total += 1;
            if sample.len == 0 || !text_touched(&sample, spans) {
                continue;
            }
            bytes = bytes.saturating_add(sample.len);
            MediaError::check("the size of masked text", bytes, MAX_INDEX_BYTES)?;
            let blank = kind.blank(usize::try_from(sample.len).unwrap_or(0));
            self.patches.push(Patch { at: sample.offset, bytes: blank });
            self.scope.units_silenced += 1;
        }
        Ok(())
    }

    /// Takes the pictures in `spans` out of the index, and zeroes them. Returns what was dropped.
    ///
    /// Gaps begin earlier when the index does not fit otherwise: each picture less leaves room for
    /// the gap's own entries. Where that does not help, a gap goes on to a later sync sample.
    pub(super) fn drop_pictures(
        &mut self,
        source: &mut dyn ReadSeek,
        index: &Index,
        place: usize,
        spans: &TickSpans,
    ) -> Result<Dropped, MaskError> {
        let Some(track) = index.tracks.get(place) else { return Ok(Dropped::default()) };
        let mut refused_syncs = Vec::new();
        let mut early = 0;
        loop {
            let dropped = Dropped::new(source, track, spans, &refused_syncs)?;
            if dropped.gaps.is_empty() {
                return Ok(dropped);
            }
            let runs = dropped.runs(early);
            let misfit = match index_without(source, index, place, &runs)? {
                Ok(patches) => {
                    self.patches.extend(patches);
                    self.zero(&track.table, &runs);
                    self.mark_broken_links(source, track, &dropped.gaps, &runs)?;
                    self.free_lists(index);
                    return Ok(dropped);
                }
                Err(misfit) => misfit,
            };
            let leading = dropped.leading.iter().find(|run| misfit.contains(&run.start));
            let sync = leading.and_then(|run| run.start.checked_sub(1));
            match sync {
                Some(sync) if early > EARLY_BEFORE_LATE && refused_syncs.len() < MAX_LATE => {
                    refused_syncs.push(sync);
                    early = 0;
                }
                _ if early < MAX_EARLY => early = (early * 2).max(1),
                _ => {
                    let id = track.id;
                    return Err(refused(format!("track {id}'s index has no room for the gap")));
                }
            }
        }
    }

    fn zero(&mut self, table: &SampleTable, runs: &[Range<u32>]) {
        let mut dropped = InRuns::new(runs);
        let mut cursor = Cursor::default();
        while let Some(sample) = cursor.next(table) {
            if dropped.contains(sample.number) {
                self.scope.units_silenced += 1;
                let to = sample.offset.saturating_add(sample.len);
                if sample.len > 0 {
                    self.fill(Edit { from: sample.offset, to, fill: [0; 2] });
                }
            }
        }
    }

    /// Marks the pictures at which H.265 resumes.
    fn mark_broken_links(
        &mut self,
        source: &mut dyn ReadSeek,
        track: &TrackIndex,
        gaps: &[Range<u32>],
        runs: &[Range<u32>],
    ) -> Result<(), MaskError> {
        let kind = PictureKind::of(track);
        let mut cursor = Cursor::default();
        let mut gaps = gaps.iter().peekable();
        // The next gap may begin so early that the picture goes after all.
        let mut dropped = InRuns::new(runs);
        while let Some(picture) = cursor.next(&track.table) {
            let resumes = gaps.next_if(|gap| gap.end == picture.number).is_some();
            if !resumes || dropped.contains(picture.number) || !matches!(kind, PictureKind::Hevc(_))
            {
                continue;
            }
            for (at, head) in kind.broken_links(&read_picture(source, &picture)?) {
                let at = picture.offset.saturating_add(at as u64);
                self.patches.push(Patch { at, bytes: vec![head] });
            }
        }
        Ok(())
    }

    /// Frees the optional boxes that point at dropped pictures.
    fn free_lists(&mut self, index: &Index) {
        if !std::mem::replace(&mut self.pictures_dropped, true) {
            index.top.iter().filter(|part| &part.kind == b"mfra").for_each(|part| self.free(part));
        }
    }

    fn free(&mut self, part: &Mp4Box) {
        self.patches.push(free_kind(part));
        if !part.is_empty() {
            self.fill(Edit { from: part.offset, to: part.end, fill: [0; 2] });
        }
        self.scope.metadata_cleared.push(String::from_utf8_lossy(&part.kind).into_owned());
    }
}

/// Makes a box free space by its name.
pub(super) fn free_kind(part: &Mp4Box) -> Patch {
    Patch { at: part.start.saturating_add(4), bytes: b"free".to_vec() }
}

/// Whether text is seen in a span.
pub(super) fn text_touched(sample: &Sample, spans: &TickSpans) -> bool {
    let from = u64::try_from(sample.pts()).unwrap_or(0);
    spans.touch(from, from.saturating_add(sample.duration.max(1)), Reach::default())
}

/// Offset after the last byte.
const fn end_of(sample: &Sample) -> u64 {
    sample.offset.saturating_add(sample.len)
}

/// Rewrites a file as it streams through.
pub(super) struct Mp4Rewrite {
    index: Arc<Index>,
    order: FileOrder,
    /// The next sample, and the place in `tracks` when its track is rewritten.
    next: Option<(Option<usize>, Sample)>,
    tracks: Vec<Box<dyn Track>>,
    slots: Vec<Option<usize>>,
    unclaimed: Unclaimed,
    line: Line,
    /// Bytes before the next unit.
    plain: Vec<u8>,
    /// What came of the next unit.
    unit: Vec<u8>,
    position: u64,
    released: Vec<u8>,
    patcher: Patcher,
    overlay: Overlay,
    scope: Scope,
}

impl Mp4Rewrite {
    /// Begins with the first sample.
    pub(super) fn new(
        index: Arc<Index>,
        order: FileOrder,
        changes: Changes,
        unclaimed: Unclaimed,
    ) -> Result<Self, MaskError> {
        let mut rewrite = Self {
            index,
            order,
            next: None,
            tracks: changes.tracks,
            slots: changes.slots,
            unclaimed,
            line: Line::default(),
            plain: Vec::new(),
            unit: Vec::new(),
            position: 0,
            released: Vec::new(),
            patcher: Patcher::new(Scope::default(), changes.fills),
            overlay: Overlay::new(changes.patches),
            scope: changes.scope,
        };
        rewrite.advance()?;
        Ok(rewrite)
    }

    /// Finds the next sample.
    fn advance(&mut self) -> Result<(), MaskError> {
        self.next = None;
        if let Some((track, sample)) = self.order.next(&self.index)? {
            let slot = self.slots.get(track).copied().flatten();
            if slot.is_some() {
                check_unit(&sample)?;
            }
            self.next = Some((slot, sample));
        }
        Ok(())
    }

    /// Takes bytes of a sample.
    fn take(&mut self, slot: Option<usize>, sample: &Sample, now: &[u8]) -> Result<(), MaskError> {
        let bytes = if slot.is_some() { &mut self.unit } else { &mut self.plain };
        bytes.extend_from_slice(now);
        if self.position < end_of(sample) {
            return Ok(());
        }
        if let Some(slot) = slot {
            self.end_plain();
            let unit = std::mem::take(&mut self.unit);
            self.line.unit(slot, unit.len());
            if let Some(track) = self.tracks.get_mut(slot) {
                track.push(unit, sample.offset, Some(sample.dts))?;
            }
        }
        self.advance()
    }

    /// Takes bytes from offset `at` on that belong to no sample.
    fn take_unclaimed(&mut self, at: u64, now: &[u8]) {
        let held = self.plain.len();
        self.plain.extend_from_slice(now);
        self.unclaimed.clear(at, self.plain.get_mut(held..).unwrap_or_default());
    }

    fn end_plain(&mut self) {
        if !self.plain.is_empty() {
            self.line.bytes(std::mem::take(&mut self.plain));
        }
    }

    /// Moves what is finished on, through the patches.
    fn release(&mut self, out: &mut Vec<u8>) -> Result<(), MaskError> {
        self.end_plain();
        self.line.release(&mut self.tracks, &mut self.released)?;
        let written = out.len();
        self.patcher.push(&self.released, out)?;
        self.released.clear();
        self.overlay.apply(out.get_mut(written..).unwrap_or_default());
        Ok(())
    }
}

impl Rewrite for Mp4Rewrite {
    fn push(&mut self, input: &[u8], out: &mut Vec<u8>) -> Result<(), MaskError> {
        let mut rest = input;
        while !rest.is_empty() {
            let at = self.position;
            let inside = self.next.filter(|(_, sample)| at >= sample.offset);
            let ahead = self.next.map_or(u64::MAX, |(_, sample)| sample.offset);
            let until = inside.map_or(ahead, |(_, sample)| end_of(&sample));
            let wanted = usize::try_from(until.saturating_sub(at)).unwrap_or(usize::MAX);
            let (now, later) = rest.split_at_checked(wanted).unwrap_or((rest, &[]));
            rest = later;
            self.position = at.saturating_add(now.len() as u64);
            match inside {
                Some((slot, sample)) => self.take(slot, &sample, now)?,
                None => self.take_unclaimed(at, now),
            }
        }
        self.release(out)
    }

    fn finish(&mut self, out: &mut Vec<u8>) -> Result<Scope, MaskError> {
        self.line.bytes(std::mem::take(&mut self.unit));
        for track in &mut self.tracks {
            track.finish()?;
        }
        self.release(out)?;
        self.scope.metadata_cleared.extend(self.unclaimed.name());
        for track in &self.tracks {
            let count = track.count();
            self.scope.units_total += count.total;
            self.scope.units_silenced += count.silenced;
        }
        Ok(std::mem::take(&mut self.scope))
    }
}
