//! The sample table boxes of a progressive file (ISO 14496-12 sections 8.6 and 8.7).

use std::io::{Read, Seek};

use super::samples::{ChunkRun, Run, SampleTable, SizeFields, Sizes};
use super::{Budget, Fields, MediaError, Mp4Box, boxes, read_payload};

/// A count, and the whole entries of `len` bytes that follow it.
fn entries<'a>(
    fields: &mut Fields<'a>,
    len: usize,
) -> Result<impl Iterator<Item = Fields<'a>>, MediaError> {
    let count = fields.u32()?;
    let at = fields.at();
    let bytes = usize::try_from(count).ok().and_then(|count| count.checked_mul(len));
    let bytes = bytes.ok_or_else(|| MediaError::malformed("a table is too long", at))?;
    let listed = fields.take(bytes)?;
    let numbered = listed.chunks_exact(len).zip((at..).step_by(len.max(1)));
    Ok(numbered.map(|(entry, at)| Fields::new(entry, at)))
}

/// Reads the sample table in `stbl`.
///
/// # Errors
/// Malformed when a box is missing or cut short, or when boxes disagree on the number of samples.
pub(super) fn read_table<R>(
    source: &mut R,
    stbl: &Mp4Box,
    budget: &mut Budget,
) -> Result<SampleTable, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut table = SampleTable {
        sizes: Sizes::Same { size: 0, count: 0 },
        chunks: Vec::new(),
        per_chunk: Vec::new(),
        durations: Vec::new(),
        shifts: Vec::new(),
        sync: None,
        restarts: Vec::new(),
        size_fields: Vec::new(),
        in_stbl: 0,
    };
    for part in boxes(source, stbl.offset, stbl.end, budget)? {
        let known = [b"stsz", b"stz2", b"stco", b"co64", b"stsc", b"stts", b"ctts", b"stss"];
        if !known.contains(&&part.kind) {
            continue;
        }
        let payload = read_payload(source, &part, budget)?;
        let mut fields = Fields::new(&payload, part.offset);
        fields.version()?;
        match &part.kind {
            b"stsz" => read_stsz(&mut fields, &mut table, budget)?,
            b"stz2" => read_stz2(&mut fields, &mut table, budget)?,
            b"stco" | b"co64" => {
                let wide = &part.kind == b"co64";
                for mut entry in entries(&mut fields, if wide { 8 } else { 4 })? {
                    table.chunks.push(entry.number(wide)?);
                }
            }
            b"stsc" => read_stsc(&mut fields, &mut table)?,
            b"stts" => {
                for mut entry in entries(&mut fields, 8)? {
                    let run = Run { count: entry.u32()?, value: entry.u32()? };
                    table.durations.extend(Some(run).filter(|run| run.count > 0));
                }
            }
            b"ctts" => {
                for mut entry in entries(&mut fields, 8)? {
                    // Version 0 is unsigned, but writers put negative numbers there too, and no
                    // shift is as long as the other half of the range.
                    let run = Run { count: entry.u32()?, value: entry.u32()?.cast_signed() };
                    table.shifts.extend(Some(run).filter(|run| run.count > 0));
                }
            }
            _ => {
                let mut sync = Vec::new();
                for mut entry in entries(&mut fields, 4)? {
                    let at = entry.at();
                    let number = entry.u32()?.checked_sub(1);
                    let later =
                        number.filter(|number| sync.last().is_none_or(|last| last < number));
                    let wrong = || MediaError::malformed("sync samples are not in order", at);
                    sync.push(later.ok_or_else(wrong)?);
                }
                table.sync = Some(sync);
            }
        }
    }
    table.in_stbl = table.count();
    check(&table, stbl.start)?;
    Ok(table)
}

fn read_stsz(
    fields: &mut Fields<'_>,
    table: &mut SampleTable,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let size = fields.u32()?;
    if size > 0 {
        table.sizes = Sizes::Same { size, count: fields.u32()? };
        return Ok(());
    }
    let at = fields.at().saturating_add(4);
    let listed = entries(fields, 4)?;
    let mut sizes = Vec::new();
    for mut entry in listed {
        sizes.push(entry.u32()?);
    }
    budget.spend_samples(sizes.len() as u64)?;
    let count = u32::try_from(sizes.len()).unwrap_or(u32::MAX);
    table.size_fields = vec![SizeFields { first: 0, count, at, stride: 4 }];
    table.sizes = Sizes::Each(sizes);
    Ok(())
}

/// Sizes of 4, 8 or 16 bits (ISO 14496-12 section 8.7.3.3).
fn read_stz2(
    fields: &mut Fields<'_>,
    table: &mut SampleTable,
    budget: &mut Budget,
) -> Result<(), MediaError> {
    let at = fields.at();
    let bits = fields.u32()? & 0xFF;
    let count = fields.u32()?;
    budget.spend_samples(u64::from(count))?;
    let mut sizes = Vec::new();
    let mut half = None;
    for _ in 0..count {
        sizes.push(match bits {
            4 => match half.take() {
                Some(low) => u32::from(low),
                None => {
                    let byte = fields.u8()?;
                    half = Some(byte & 15);
                    u32::from(byte >> 4)
                }
            },
            8 => u32::from(fields.u8()?),
            16 => u32::from(fields.u16()?),
            _ => return Err(MediaError::malformed("stz2 has a wrong field size", at)),
        });
    }
    table.sizes = Sizes::Each(sizes);
    Ok(())
}

fn read_stsc(fields: &mut Fields<'_>, table: &mut SampleTable) -> Result<(), MediaError> {
    for mut entry in entries(fields, 12)? {
        let at = entry.at();
        let first = entry.u32()?;
        let (samples, description) = (entry.u32()?, entry.u32()?);
        let after =
            table.per_chunk.last().map_or(Some(0), |run: &ChunkRun| run.first.checked_add(1));
        let first = first.checked_sub(1).filter(|first| match after {
            Some(0) => *first == 0,
            Some(after) => *first >= after,
            None => false,
        });
        let first = first.filter(|_| samples > 0);
        let first = first.ok_or_else(|| MediaError::malformed("chunks are not in order", at))?;
        table.per_chunk.push(ChunkRun { first, samples, description });
    }
    Ok(())
}

/// Whether the boxes agree on how many samples there are.
fn check(table: &SampleTable, at: u64) -> Result<(), MediaError> {
    let count = u64::from(table.count());
    let listed = |all: u64| if all == count { Ok(()) } else { Err(()) };
    let runs = |sum: u64, count: u32| sum.saturating_add(u64::from(count));
    let chunks = table.chunks.len() as u64;
    let mut in_chunks = 0_u64;
    for (place, run) in table.per_chunk.iter().enumerate() {
        let next = table.per_chunk.get(place + 1).map_or(chunks, |next| u64::from(next.first));
        let many = next.saturating_sub(u64::from(run.first));
        in_chunks = in_chunks.saturating_add(many.saturating_mul(u64::from(run.samples)));
    }
    let durations = table.durations.iter().fold(0, |sum, run| runs(sum, run.count));
    let shifts = table.shifts.iter().fold(0, |sum, run| runs(sum, run.count));
    let agreed = listed(in_chunks).and(listed(durations)).and(if table.shifts.is_empty() {
        Ok(())
    } else {
        listed(shifts)
    });
    agreed.map_err(|()| MediaError::malformed("the sample tables disagree", at))
}
