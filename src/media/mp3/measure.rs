//! Playing time of an MP3 file: its frames, counted one by one.

use std::io::Read;

use super::{FrameHeader, InfoFrame, Mp3Framer};
use crate::asset::MediaTime;
use crate::media::{Container, Cutter, Measured, MediaError, ticks_to_time};

/// How much of the file is read at a time.
const READ_BYTES: usize = 64 * 1024;

/// Measures a file of `bytes` bytes. An Info or VBRI frame at the start plays nothing.
///
/// # Errors
/// Malformed without any frame, and whatever [`Mp3Framer`] refuses.
pub fn measure(source: &mut dyn Read, bytes: u64) -> Result<Measured, MediaError> {
    let mut cutter = Cutter::new(Mp3Framer::default());
    let mut buffer = vec![0; READ_BYTES];
    let (mut first, mut frames) = (None, 0_u64);
    loop {
        let got = source.read(&mut buffer)?;
        cutter.push(buffer.get(..got).unwrap_or_default());
        while let Some(piece) = cutter.next(got == 0)? {
            if !piece.unit {
                continue;
            }
            if first.is_none() {
                first = FrameHeader::read(&piece.bytes);
                if first.and_then(|header| InfoFrame::read(header, &piece.bytes)).is_some() {
                    continue;
                }
            }
            frames += 1;
        }
        if got == 0 {
            break;
        }
    }
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
