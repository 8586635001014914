//! The sample table boxes of a video track without its dropped pictures, in as many bytes.

use std::ops::Range;

use super::treatment::refused;
use super::video::InRuns;
use crate::mask::MaskError;
use crate::media::MediaError;
use crate::media::mp4::{
    Budget, ChunkRun, Cursor, Fields, Mp4Box, Run, SampleTable, Sizes, append, boxes_in,
};

/// A box's four characters in front of its payload. `None` when it is too long.
pub(super) fn boxed(kind: &[u8; 4], payload: &[u8]) -> Option<Vec<u8>> {
    let size = u32::try_from(payload.len().checked_add(8)?).ok()?;
    Some([&size.to_be_bytes(), kind.as_slice(), payload].concat())
}

/// Fills `out` up to `len` bytes with a `free` box. `None` when it does not fit.
pub(super) fn fill_up(mut out: Vec<u8>, len: usize) -> Option<Vec<u8>> {
    let slack = len.checked_sub(out.len())?;
    if slack > 0 {
        out.extend(boxed(b"free", &vec![0; slack.checked_sub(8)?])?);
    }
    Some(out)
}

/// What is left of a sample table.
#[derive(Default)]
struct Kept {
    sizes: Vec<u32>,
    durations: Vec<Run<u32>>,
    shifts: Vec<Run<i32>>,
    sync: Vec<u32>,
    chunks: Vec<u64>,
    per_chunk: Vec<ChunkRun>,
    flags: Vec<bool>,
}

impl Kept {
    /// The samples of `stbl` that are in no run. What dropped ones played is added to the one
    /// before them. The first one plays from the start of what was dropped before it: a table has
    /// no way to begin later, and players take the first picture's time for the start.
    fn new(table: &SampleTable, runs: &[Range<u32>]) -> Option<Self> {
        let mut kept = Self::default();
        let mut dropped = InRuns::new(runs);
        let (mut pending, mut last) = (0_u64, None);
        let mut earliest: Option<i128> = None;
        // Chunk and description of the stretch that is being read, and its samples.
        let mut stretch: Option<(u32, u32, u32)> = None;
        let mut cursor = Cursor::default();
        while let Some(sample) = cursor.next(table).filter(|sample| sample.number < table.in_stbl) {
            let keep = !dropped.contains(sample.number);
            kept.flags.push(keep);
            let continues = stretch.filter(|(chunk, _, _)| keep && *chunk == sample.chunk);
            if continues.is_none() {
                kept.end_stretch(stretch.take())?;
            }
            if !keep {
                let sum = last.as_mut().unwrap_or(&mut pending);
                *sum = sum.saturating_add(sample.duration);
                earliest = Some(earliest.map_or(sample.pts(), |pts| pts.min(sample.pts())));
                continue;
            }
            stretch = Some(match continues {
                Some((chunk, description, count)) => (chunk, description, count.checked_add(1)?),
                None => {
                    kept.chunks.push(sample.offset);
                    (sample.chunk, sample.description, 1)
                }
            });
            if let Some(last) = last {
                append(&mut kept.durations, u32::try_from(last).ok()?);
            }
            last = Some(sample.duration.saturating_add(std::mem::take(&mut pending)));
            if sample.sync {
                kept.sync.push(u32::try_from(kept.sizes.len()).ok()?);
            }
            kept.sizes.push(u32::try_from(sample.len).ok()?);
            let moved = earliest.filter(|_| kept.shifts.is_empty());
            let shift = moved.map_or(Some(sample.shift), |pts| i32::try_from(pts).ok())?;
            append(&mut kept.shifts, shift);
        }
        kept.end_stretch(stretch)?;
        if let Some(last) = last {
            append(&mut kept.durations, u32::try_from(last).ok()?);
        }
        Some(kept)
    }

    fn end_stretch(&mut self, stretch: Option<(u32, u32, u32)>) -> Option<()> {
        let Some((_, description, samples)) = stretch else { return Some(()) };
        let same = |run: &ChunkRun| run.samples == samples && run.description == description;
        if !self.per_chunk.last().is_some_and(same) {
            let first = u32::try_from(self.chunks.len()).ok()?.checked_sub(1)?;
            self.per_chunk.push(ChunkRun { first, samples, description });
        }
        Some(())
    }
}

/// The payload of `stbl`, which lies at `at`, without the samples in `runs`. `None` when that does
/// not fit into as many bytes.
///
/// # Errors
/// Quarantine when there is a table that is not understood; malformed for a damaged one.
pub(super) fn rebuild(
    payload: &[u8],
    at: u64,
    table: &SampleTable,
    runs: &[Range<u32>],
) -> Result<Option<Vec<u8>>, MaskError> {
    let Some(kept) = Kept::new(table, runs) else { return Ok(None) };
    let mut out = Vec::with_capacity(payload.len());
    for part in boxes_in(payload, at, &mut Budget::default())? {
        let old = |from: u64| {
            let from = usize::try_from(from.checked_sub(at)?).ok()?;
            payload.get(from..usize::try_from(part.end.checked_sub(at)?).ok()?)
        };
        let (whole, body) = (old(part.start), old(part.offset).unwrap_or_default());
        match rebuilt(&part, body, &kept, table)? {
            Some(body) => match boxed(&part.kind, &body) {
                Some(bytes) => out.extend(bytes),
                None => return Ok(None),
            },
            None => out.extend(whole.unwrap_or_default()),
        }
    }
    Ok(fill_up(out, payload.len()))
}

/// The new payload of one box; `None` when it says nothing of single samples.
fn rebuilt(
    part: &Mp4Box,
    body: &[u8],
    kept: &Kept,
    table: &SampleTable,
) -> Result<Option<Vec<u8>>, MaskError> {
    let mut fields = Fields::new(body, part.offset);
    let mut out = match &part.kind {
        b"subs" | b"saiz" | b"saio" | b"csgp" | b"stsh" | b"padb" => {
            let name = String::from_utf8_lossy(&part.kind).into_owned();
            return Err(refused(format!("pictures with a {name} box at byte {}", part.start)));
        }
        b"stts" | b"ctts" | b"stss" | b"stps" | b"stsz" | b"stz2" | b"stsc" | b"stco" | b"co64"
        | b"sdtp" | b"stdp" | b"sbgp" => fields.take(4)?.to_vec(),
        _ => return Ok(None),
    };
    match &part.kind {
        b"stts" => put(&mut out, kept.durations.iter().map(|run| [run.count, run.value])),
        b"ctts" => {
            let pair = |run: &Run<i32>| [run.count, run.value.cast_unsigned()];
            put(&mut out, kept.shifts.iter().map(pair));
        }
        b"stss" => put(&mut out, kept.sync.iter().map(|number| [number.saturating_add(1)])),
        b"stps" => put(&mut out, renumbered(&mut fields, kept)?.into_iter().map(|one| [one])),
        b"stsz" => put_stsz(&mut out, kept, table),
        b"stz2" => put_stz2(&mut out, fields.u32()?, kept),
        b"stsc" => put(
            &mut out,
            kept.per_chunk
                .iter()
                .map(|run| [run.first.saturating_add(1), run.samples, run.description]),
        ),
        b"stco" => {
            let narrow = |offset: &u64| [u32::try_from(*offset).unwrap_or(u32::MAX)];
            put(&mut out, kept.chunks.iter().map(narrow));
        }
        b"co64" => put(
            &mut out,
            kept.chunks.iter().map(|offset| {
                [u32::try_from(offset >> 32).unwrap_or(u32::MAX), (offset & 0xFFFF_FFFF) as u32]
            }),
        ),
        b"sdtp" => out.extend(filter(fields.rest(), 1, &kept.flags)),
        b"stdp" => out.extend(filter(fields.rest(), 2, &kept.flags)),
        _ => out = regrouped(body, part.offset, &kept.flags)?,
    }
    Ok(Some(out))
}

/// A count, and entries.
fn put<const N: usize>(out: &mut Vec<u8>, entries: impl Iterator<Item = [u32; N]>) {
    let at = out.len();
    out.extend([0; 4]);
    let mut count = 0_u32;
    for entry in entries {
        count = count.saturating_add(1);
        entry.iter().for_each(|field| out.extend(field.to_be_bytes()));
    }
    if let Some(place) = out.get_mut(at..at + 4) {
        place.copy_from_slice(&count.to_be_bytes());
    }
}

fn put_stsz(out: &mut Vec<u8>, kept: &Kept, table: &SampleTable) {
    let count = u32::try_from(kept.sizes.len()).unwrap_or(u32::MAX);
    match &table.sizes {
        Sizes::Same { size, .. } => {
            out.extend(size.to_be_bytes());
            out.extend(count.to_be_bytes());
        }
        Sizes::Each(_) => {
            out.extend([0; 4]);
            put(out, kept.sizes.iter().map(|size| [*size]));
        }
    }
}

fn put_stz2(out: &mut Vec<u8>, bits: u32, kept: &Kept) {
    out.extend(bits.to_be_bytes());
    out.extend(u32::try_from(kept.sizes.len()).unwrap_or(u32::MAX).to_be_bytes());
    let mut writer = crate::media::BitWriter::default();
    kept.sizes.iter().for_each(|size| writer.write(*size, bits & 0xFF));
    out.extend(writer.into_bytes());
}

/// The numbers of a list that were kept, counted anew from 1.
fn renumbered(fields: &mut Fields<'_>, kept: &Kept) -> Result<Vec<u32>, MediaError> {
    let mut wanted = Vec::new();
    for _ in 0..fields.u32()? {
        wanted.push(fields.u32()?);
    }
    let mut found = Vec::new();
    let mut new = 0_u32;
    for (number, keep) in (1_u32..).zip(&kept.flags) {
        new = new.saturating_add(u32::from(*keep));
        if *keep && wanted.binary_search(&number).is_ok() {
            found.push(new);
        }
    }
    Ok(found)
}

/// The entries of `len` bytes whose samples were kept.
pub(super) fn filter(entries: &[u8], len: usize, flags: &[bool]) -> Vec<u8> {
    let entries = entries.chunks(len).zip(flags);
    entries.filter(|(_, keep)| **keep).flat_map(|(entry, _)| entry.iter().copied()).collect()
}

/// The payload of an `sbgp` box (ISO 14496-12 section 8.9.2) for the samples that were kept.
pub(super) fn regrouped(body: &[u8], at: u64, flags: &[bool]) -> Result<Vec<u8>, MediaError> {
    let mut fields = Fields::new(body, at);
    let (version, _) = fields.version()?;
    fields.take(if version == 1 { 8 } else { 4 })?;
    let head = body.len().saturating_sub(fields.rest().len());
    let mut out = body.get(..head).unwrap_or_default().to_vec();
    let mut groups: Vec<Run<u32>> = Vec::new();
    let mut flags = flags.iter();
    for _ in 0..fields.u32()? {
        let (count, group) = (fields.u32()?, fields.u32()?);
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        for _ in flags.by_ref().take(count).filter(|keep| **keep) {
            append(&mut groups, group);
        }
    }
    put(&mut out, groups.iter().map(|run| [run.count, run.value]));
    Ok(out)
}
