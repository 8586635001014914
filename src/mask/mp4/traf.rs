//! A fragment of a video track without its dropped pictures, in as many bytes.

use std::ops::Range;

use super::stbl::{boxed, fill_up, filter, regrouped};
use super::treatment::refused;
use super::video::InRuns;
use crate::mask::MaskError;
use crate::media::mp4::{
    Budget, Fields, Fragment, Mp4Box, RunEntry, Sample, TrackDefaults, TrackRun, boxes_in,
};

/// A picture that stays.
#[derive(Debug, Clone, Copy)]
struct Picture {
    entry: RunEntry,
    offset: u64,
    number: u32,
    dts: u64,
}

/// The payload of a `traf` without the pictures in `runs`; `samples` are all that it has. `None`
/// when that does not fit into as many bytes.
///
/// A later fragment says itself when it begins, so what dropped pictures played is added only to a
/// picture of the same fragment. With `end`, the last one that stays plays up to there.
///
/// # Errors
/// Quarantine when there is a box that is not understood; malformed for a damaged one.
pub(super) fn rebuild(
    payload: &[u8],
    fragment: &Fragment,
    samples: &[Sample],
    runs: &[Range<u32>],
    end: Option<u64>,
) -> Result<Option<Vec<u8>>, MaskError> {
    let at = fragment.traf.offset;
    let mut budget = Budget::default();
    let parts = boxes_in(payload, at, &mut budget)?;
    let bytes = |part: &Mp4Box, from: u64| {
        let from = usize::try_from(from.checked_sub(at)?).ok()?;
        payload.get(from..usize::try_from(part.end.checked_sub(at)?).ok()?)
    };
    let body = |part: &Mp4Box| bytes(part, part.offset).unwrap_or_default();
    let mut entries = Vec::new();
    let mut version = None;
    for trun in parts.iter().filter(|part| &part.kind == b"trun") {
        let fields = Fields::new(body(trun), trun.offset);
        let run = TrackRun::read(fields, &fragment.defaults, &mut budget)?;
        version = version.or(Some(run.version));
        entries.extend(run.entries);
    }
    let mut dropped = InRuns::new(runs);
    let flags: Vec<bool> = samples.iter().map(|one| !dropped.contains(one.number)).collect();
    let Some(mut pictures) = pictures(&entries, samples, &flags) else { return Ok(None) };
    if let (Some(end), Some(last)) = (end, pictures.last_mut()) {
        let long = end.checked_sub(last.dts).and_then(|len| u32::try_from(len).ok());
        let Some(duration) = long else { return Ok(None) };
        last.entry.duration = duration;
    }
    let Some(truns) = truns(&pictures, fragment, version.unwrap_or(0)) else { return Ok(None) };
    let mut out = Vec::with_capacity(payload.len());
    let mut placed = false;
    for part in &parts {
        let new = match &part.kind {
            b"trun" if placed => continue,
            b"trun" => {
                placed = true;
                out.extend(truns.iter().flatten());
                continue;
            }
            b"tfdt" => retimed(body(part), samples, &pictures),
            b"sdtp" => {
                let head = body(part).get(..4).unwrap_or_default();
                let rest = body(part).get(4..).unwrap_or_default();
                boxed(b"sdtp", &[head, &filter(rest, 1, &flags)].concat())
            }
            b"sbgp" => boxed(b"sbgp", &regrouped(body(part), part.offset, &flags)?),
            b"subs" | b"saiz" | b"saio" | b"senc" | b"csgp" => {
                let name = String::from_utf8_lossy(&part.kind).into_owned();
                return Err(refused(format!("pictures with a {name} box at byte {}", part.start)));
            }
            _ => bytes(part, part.start).map(<[u8]>::to_vec),
        };
        let Some(new) = new else { return Ok(None) };
        out.extend(new);
    }
    Ok(fill_up(out, payload.len()))
}

/// The pictures that stay, each playing up to the next of the same fragment.
fn pictures(entries: &[RunEntry], samples: &[Sample], flags: &[bool]) -> Option<Vec<Picture>> {
    if entries.len() != samples.len() {
        return None;
    }
    let mut kept: Vec<Picture> = Vec::new();
    for ((entry, sample), keep) in entries.iter().zip(samples).zip(flags) {
        if !keep {
            continue;
        }
        if let Some(last) = kept.last_mut() {
            last.entry.duration = u32::try_from(sample.dts.checked_sub(last.dts)?).ok()?;
        }
        let (number, dts) = (sample.number, sample.dts);
        kept.push(Picture { entry: *entry, offset: sample.offset, number, dts });
    }
    Some(kept)
}

/// `tfdt` (ISO 14496-12 section 8.8.12) with the time of the first picture that stays.
fn retimed(body: &[u8], samples: &[Sample], pictures: &[Picture]) -> Option<Vec<u8>> {
    let (head, _) = body.split_first_chunk::<4>()?;
    let first = match (samples.first(), pictures.first()) {
        (Some(sample), Some(picture)) if picture.number != sample.number => picture.dts,
        _ => return boxed(b"tfdt", body),
    };
    let time = match head {
        [1, _, _, _] => first.to_be_bytes().to_vec(),
        _ => u32::try_from(first).ok()?.to_be_bytes().to_vec(),
    };
    boxed(b"tfdt", &[head.as_slice(), &time].concat())
}

/// The track runs for what stays. Pictures that lie behind each other share one, unless it is
/// shorter to give the last, which plays longer than the others, one of its own.
fn truns(pictures: &[Picture], fragment: &Fragment, version: u8) -> Option<Vec<Vec<u8>>> {
    let mut out = Vec::new();
    let behind = |pair: &Picture, next: &Picture| {
        pair.offset.checked_add(u64::from(pair.entry.size)) == Some(next.offset)
    };
    for stretch in pictures.chunk_by(behind) {
        let whole = trun(stretch, fragment, version)?;
        let apart = stretch.split_last().filter(|(_, before)| !before.is_empty());
        let apart = apart.and_then(|(last, before)| {
            let parts = [trun(before, fragment, version)?, trun(&[*last], fragment, version)?];
            (parts.iter().map(Vec::len).sum::<usize>() < whole.len()).then_some(parts)
        });
        match apart {
            Some(parts) => out.extend(parts),
            None => out.push(whole),
        }
    }
    Some(out)
}

/// One `trun` box with the fewest fields.
fn trun(pictures: &[Picture], fragment: &Fragment, version: u8) -> Option<Vec<u8>> {
    let TrackDefaults { duration, size, flags, .. } = fragment.defaults;
    let first = pictures.first()?;
    let any = |differs: &dyn Fn(&RunEntry) -> bool| pictures.iter().any(|one| differs(&one.entry));
    let durations = any(&|entry| entry.duration != duration);
    let sizes = any(&|entry| entry.size != size);
    let later_flags = pictures.iter().skip(1).any(|one| one.entry.flags != flags);
    let first_flags = !later_flags && first.entry.flags != flags;
    let shifts = any(&|entry| entry.shift != 0);
    let fields = [
        (1, true),
        (4, first_flags),
        (0x100, durations),
        (0x200, sizes),
        (0x400, later_flags),
        (0x800, shifts),
    ];
    let present = fields.iter().filter(|field| field.1).fold(0_u32, |all, field| all | field.0);
    let mut body = ((u32::from(version) << 24) | present).to_be_bytes().to_vec();
    body.extend(u32::try_from(pictures.len()).ok()?.to_be_bytes());
    let relative = i128::from(first.offset) - i128::from(fragment.base);
    body.extend(i32::try_from(relative).ok()?.to_be_bytes());
    if first_flags {
        body.extend(first.entry.flags.to_be_bytes());
    }
    for Picture { entry, .. } in pictures {
        let values = [
            (durations, entry.duration),
            (sizes, entry.size),
            (later_flags, entry.flags),
            (shifts, entry.shift.cast_unsigned()),
        ];
        let values = values.iter().filter(|value| value.0);
        values.for_each(|value| body.extend(value.1.to_be_bytes()));
    }
    boxed(b"trun", &body)
}
