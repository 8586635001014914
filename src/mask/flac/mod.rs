//! Silence in FLAC: a frame becomes one of zero samples, as long in bytes as there is room.
//!
//! A frame stands for itself, so nothing around it changes and the guard is what shares its block.

mod fill;
mod frames;
mod native;
mod read;
#[cfg(test)]
mod tests;

pub(super) use native::{check, open};

use super::MaskError;
use super::unit::Coding;
use crate::media::{MediaError, StreamInfo};
use frames::FlacCoding;

/// FLAC frames for containers that keep them as packets; `streaminfo` are its 34 bytes.
///
/// # Errors
/// A damaged STREAMINFO; the offset is that within it.
pub(super) fn coding(streaminfo: &[u8]) -> Result<Box<dyn Coding>, MaskError> {
    let info = StreamInfo::parse(streaminfo)
        .ok_or_else(|| MediaError::malformed("a damaged STREAMINFO", 0))?;
    Ok(Box::new(FlacCoding { info, seek_samples: Vec::new() }))
}
