//! The index boxes of a video track without its dropped pictures.

use std::io::SeekFrom;
use std::ops::Range;

use super::patch::Patch;
use super::treatment::refused;
use super::{MAX_PICTURE_BYTES, stbl, traf};
use crate::mask::MaskError;
use crate::media::mp4::{Cursor, Index, MAX_INDEX_BYTES, Mp4Box, Sample};
use crate::media::{MediaError, ReadSeek};

/// The index boxes of a track without the pictures in `runs`; or, where they do not fit, the
/// samples of the box that is too long.
pub(super) fn index_without(
    source: &mut dyn ReadSeek,
    index: &Index,
    place: usize,
    runs: &[Range<u32>],
) -> Result<Result<Vec<Patch>, Range<u32>>, MaskError> {
    let Some(track) = index.tracks.get(place) else { return Ok(Ok(Vec::new())) };
    let table = &track.table;
    let mut patches = Vec::new();
    if runs.first().is_some_and(|run| run.start < table.in_stbl) {
        let payload = payload(source, &track.stbl)?;
        let new = stbl::rebuild(&payload, track.stbl.offset, table, runs)?;
        let Some(bytes) = new else { return Ok(Err(0..table.in_stbl)) };
        patches.push(Patch { at: track.stbl.offset, bytes });
    }
    let own = index.fragments.iter().filter(|fragment| fragment.track == place);
    let in_fragments = runs.last().is_some_and(|run| run.end > table.in_stbl);
    if in_fragments && own.clone().any(|fragment| !fragment.timed) {
        return Err(refused(format!("track {} has fragments without a time", track.id)));
    }
    // The last picture that stays plays to the end.
    let last = runs.last().filter(|run| run.end >= table.count());
    let last = last.and_then(|run| run.start.checked_sub(1));
    let end = table.end();
    let mut cursor = Cursor::default();
    let mut next = 0;
    for (at, fragment) in index.fragments.iter().enumerate().filter(|(_, one)| one.track == place) {
        while next < fragment.first {
            cursor.next(table);
            next += 1;
        }
        next = fragment.first.saturating_add(fragment.count);
        let range = fragment.first..next;
        let samples: Vec<Sample> = range.clone().map_while(|_| cursor.next(table)).collect();
        let ends = last.filter(|last| range.contains(last)).map(|_| end);
        let touched = runs.iter().any(|run| run.start < range.end && range.start < run.end);
        if !touched && ends.is_none() {
            continue;
        }
        if index.fragments.get(at + 1).is_some_and(|next| next.base_follows) {
            return Err(refused("fragments that are placed by the length of the one before"));
        }
        let payload = payload(source, &fragment.traf)?;
        let new = traf::rebuild(&payload, fragment, &samples, runs, ends)?;
        let Some(bytes) = new else { return Ok(Err(range)) };
        patches.push(Patch { at: fragment.traf.offset, bytes });
    }
    Ok(Ok(patches))
}

/// The payload of a box that was read before, so that its size was accepted.
fn payload(source: &mut dyn ReadSeek, part: &Mp4Box) -> Result<Vec<u8>, MediaError> {
    MediaError::check("the size of the sample tables", part.len(), MAX_INDEX_BYTES)?;
    let mut payload = vec![0; usize::try_from(part.len()).unwrap_or(0)];
    read_at(source, part.offset, &mut payload)?;
    Ok(payload)
}

/// Fills `out` from `offset`.
pub(super) fn read_at(
    source: &mut dyn ReadSeek,
    offset: u64,
    out: &mut [u8],
) -> Result<(), MediaError> {
    source.seek(SeekFrom::Start(offset))?;
    source.read_exact(out).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            MediaError::malformed("the file is shorter than announced", offset)
        }
        _ => MediaError::Io(error),
    })
}

/// The bytes of a picture.
pub(super) fn read_picture(
    source: &mut dyn ReadSeek,
    picture: &Sample,
) -> Result<Vec<u8>, MediaError> {
    MediaError::check("the size of a picture", picture.len, MAX_PICTURE_BYTES)?;
    let mut bytes = vec![0; usize::try_from(picture.len).unwrap_or(0)];
    read_at(source, picture.offset, &mut bytes)?;
    Ok(bytes)
}
