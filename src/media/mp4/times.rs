//! ISO base media (ISO 14496-12): whether the file is whole, and how long its edits play.
//!
//! The demuxer gives the length of the coded samples, encoder priming included. The track header
//! gives the length of what is played.

use std::io::{Read, Seek};

use super::{Budget, MAX_TRACKS, Mp4Box, boxes};
use crate::asset::MediaTime;
use crate::media::riff::read_at;
use crate::media::{MediaError, ticks_to_time};

/// What the boxes say.
#[derive(Debug, Default)]
pub(in crate::media) struct Mp4Times {
    /// The longest track's duration after edits; `None` when the header leaves it open.
    pub(in crate::media) played: Option<MediaTime>,
    /// Samples come in fragments, so the header cannot know the duration.
    pub(in crate::media) fragmented: bool,
}

/// Reads the headers of a file of `total_len` bytes.
///
/// # Errors
/// Malformed when a box reaches beyond the box or file that holds it, or `moov` is missing.
pub(in crate::media) fn read<R>(source: &mut R, total_len: u64) -> Result<Mp4Times, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut budget = Budget::default();
    let mut times = None;
    for top in boxes(source, 0, total_len, &mut budget)? {
        if &top.kind == b"moov" {
            times = Some(read_moov(source, &top, &mut budget)?);
        }
    }
    times.ok_or_else(|| MediaError::malformed("the file has no moov box", total_len))
}

fn read_moov<R>(source: &mut R, moov: &Mp4Box, budget: &mut Budget) -> Result<Mp4Times, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut times = Mp4Times::default();
    let mut timescale = 0;
    let mut longest = 0;
    let mut tracks = 0;
    for child in boxes(source, moov.offset, moov.end, budget)? {
        match &child.kind {
            b"mvex" => times.fragmented = true,
            // After version and flags: two times, then the scale.
            b"mvhd" => timescale = read_field(source, &child, 12, 20, 4)?,
            b"trak" => {
                tracks += 1;
                MediaError::check("the number of tracks", tracks, MAX_TRACKS)?;
                for part in boxes(source, child.offset, child.end, budget)? {
                    if &part.kind == b"tkhd" {
                        longest = longest.max(read_duration(source, &part)?);
                    }
                }
            }
            _ => {}
        }
    }
    let timescale = u32::try_from(timescale).unwrap_or(0);
    times.played = (timescale > 0 && longest > 0).then(|| ticks_to_time(longest, 1, timescale));
    Ok(times)
}

/// `tkhd`: after version and flags two times, the id, a reserved word, then the duration, in which
/// all ones mean "unknown".
fn read_duration<R>(source: &mut R, tkhd: &Mp4Box) -> Result<u64, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let wide = read_field(source, tkhd, 0, 0, 1)? == 1;
    let duration = read_field(source, tkhd, 20, 28, if wide { 8 } else { 4 })?;
    let unknown = if wide { u64::MAX } else { u64::from(u32::MAX) };
    Ok(if duration == unknown { 0 } else { duration })
}

/// A big-endian number of `len` bytes at `narrow` (version 0) or `wide` (version 1).
fn read_field<R>(
    source: &mut R,
    holder: &Mp4Box,
    narrow: u64,
    wide: u64,
    len: usize,
) -> Result<u64, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut version = [0];
    let size = holder.end - holder.offset;
    let short = || MediaError::malformed("a header box is too short", holder.offset);
    if size == 0 {
        return Err(short());
    }
    read_at(source, holder.offset, &mut version)?;
    let at = if version == [1] { wide } else { narrow };
    if size.checked_sub(at).is_none_or(|rest| rest < len as u64) {
        return Err(short());
    }
    let mut bytes = [0; 8];
    read_at(source, holder.offset + at, bytes.get_mut(8 - len..).ok_or_else(short)?)?;
    Ok(u64::from_be_bytes(bytes))
}
