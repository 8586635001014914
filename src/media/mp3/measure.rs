//! Playing time of an MP3 file: its frames, counted one by one.

use std::io::Read;

use super::{FrameHeader, InfoFrame, Mp3Framer};
use crate::asset::MediaTime;
use crate::media::framer::each_unit;
use crate::media::{Container, Measured, MediaError, ticks_to_time};

/// Measures a file of `bytes` bytes. An Info or VBRI frame at the start plays nothing.
///
/// # Errors
/// Malformed without any frame, and whatever [`Mp3Framer`] refuses.
pub fn measure(source: &mut dyn Read, bytes: u64) -> Result<Measured, MediaError> {
    let (mut first, mut frames) = (None, 0_u64);
    each_unit(source, Mp3Framer::default(), |unit| {
        let mut plays = true;
        if first.is_none() {
            first = FrameHeader::read(unit);
            plays = first.and_then(|header| InfoFrame::read(header, unit)).is_none();
        }
        frames += u64::from(plays);
    })?;
    let header = first.ok_or_else(|| MediaError::malformed("no MP3 frame", 0))?;
    let samples = frames.saturating_mul(header.granules() as u64 * 576);
    Ok(Measured {
        container: Container::Mp3,
        codec: "mp3".to_owned(),
        channels: u16::try_from(header.channels()).ok(),
        sample_rate: Some(header.sample_rate()),
        first: MediaTime::ZERO,
        duration: ticks_to_time(samples, 1, header.sample_rate()),
        bytes,
    })
}
