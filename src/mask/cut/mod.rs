//! Ends a file early: what comes after a do-not-record or a stop is not kept at all.
//!
//! [`find_cut`] reads a file once, up to the place where it is to end, and says in a [`Cut`] of
//! which stretches the shorter file consists: a few ranges of the source, and the few bytes that
//! tell its length. [`Cut::reader`] then reads that file from the source as if it were there, so
//! that it is measured, masked and checked like any other. Nothing is copied.
//!
//! A file ends at the edge of its coded units: samples in WAVE, blocks of block codecs, frames of
//! MP3, ADTS, AMR, GSM and FLAC, packets of Ogg. MP4 and Matroska say in many places what follows;
//! they are not cut, and what follows is silenced instead. The same reader drops a torn last unit,
//! as an upload leaves it that ended while it was being spoken.

mod framed;
mod ogg;
mod reader;
#[cfg(test)]
mod tests;
mod wav;

use super::MaskError;
use crate::asset::MediaTime;
use crate::media::{Container, ReadSeek};

use reader::Slice;
pub use reader::{Cut, CutReader};

/// However small the guard, so much before a cut is silent: a coded unit may hold bits of the one
/// that follows it (the reservoir of MP3), or say how loud it was.
pub(super) const LAST_GUARD: MediaTime = MediaTime::from_millis(100);

/// What [`find_cut`] found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CutFound {
    /// The file ends before.
    Whole,
    /// Not one unit is kept.
    Nothing,
    /// The file that is kept.
    Kept(Cut),
    /// Such a file cannot be cut.
    Uncuttable,
}

/// Where a file of `bytes` bytes must end so that nothing plays at or after `at`. A torn last unit
/// is left out too, whatever `at` says.
///
/// # Errors
/// A damaged file, and I/O.
pub fn find_cut(
    source: &mut dyn ReadSeek,
    container: Container,
    bytes: u64,
    at: MediaTime,
) -> Result<CutFound, MaskError> {
    match container {
        Container::Wav | Container::Rf64 => wav::find(source, bytes, at),
        Container::Mp3 => framed::mp3(source, 0..bytes, at),
        Container::Adts => framed::adts(source, bytes, at),
        Container::Amr => framed::amr(source, bytes, at),
        Container::Gsm => framed::gsm(source, bytes, at),
        Container::Flac => framed::flac(source, bytes, at),
        Container::Ogg => ogg::find(source, bytes, at),
        Container::Mp4 | Container::Matroska | Container::Unknown => Ok(CutFound::Uncuttable),
    }
}

/// Whole ticks of `rate` before `at`.
fn ticks_before(at: MediaTime, rate: u32) -> u64 {
    let ticks = u128::from(at.as_micros()) * u128::from(rate) / 1_000_000;
    u64::try_from(ticks).unwrap_or(u64::MAX)
}
