//! GSM 06.10 without a container (`.gsm`): frames of 33 bytes and 20 ms, each begun by the nibble
//! 0xD (RFC 3551 section 4.5.8.1).

mod decode;

pub use decode::GsmDecoder;

use super::{Container, Cut, Framer, Measured, MediaError, ticks_to_time};
use crate::asset::MediaTime;

/// Bytes of one frame.
pub const GSM_FRAME_BYTES: usize = 33;
/// Samples of one frame, at 8 kHz.
pub const GSM_FRAME_SAMPLES: u64 = 160;
/// In Hz.
pub const GSM_RATE: u32 = 8000;
/// Fewest frames that are taken for GSM: one nibble alone says little.
const MIN_FRAMES: usize = 8;

/// Whether every whole frame of `head` begins as it must, and there are enough of them.
pub(super) fn is_gsm(head: &[u8]) -> bool {
    let frames = head.chunks_exact(GSM_FRAME_BYTES);
    frames.len() >= MIN_FRAMES && frames.into_iter().all(signed)
}

fn signed(frame: &[u8]) -> bool {
    frame.first().is_some_and(|byte| byte >> 4 == 0xD)
}

/// The facts of a file of `bytes` bytes, which tell its length; a cut-off last frame counts.
pub(super) fn measure(bytes: u64) -> Measured {
    let frames = bytes.div_ceil(GSM_FRAME_BYTES as u64);
    Measured {
        container: Container::Gsm,
        codec: "gsm".to_owned(),
        channels: Some(1),
        sample_rate: Some(GSM_RATE),
        first: MediaTime::ZERO,
        duration: ticks_to_time(frames.saturating_mul(GSM_FRAME_SAMPLES), 1, GSM_RATE),
        bytes,
    }
}

/// Cuts such a file into frames. The last may be cut off.
#[derive(Debug, Default)]
pub struct GsmFramer;

impl Framer for GsmFramer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        if window.len() < GSM_FRAME_BYTES && !last {
            return Ok(Cut::More(GSM_FRAME_BYTES));
        }
        if !signed(window) {
            return Err(MediaError::malformed("no GSM frame", at));
        }
        Ok(Cut::Unit(window.len().min(GSM_FRAME_BYTES)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::media::sniff;

    #[test]
    fn a_run_of_frames_is_recognised_and_measured() {
        let mut file = [[0xD2; 33]; 8].concat();
        assert_eq!(sniff(&file), Container::Gsm);
        assert_eq!(sniff(&file[..263]), Container::Unknown);
        file.extend_from_slice(&[0xD0; 32]);
        assert_eq!(sniff(&file), Container::Gsm);
        assert_eq!(measure(file.len() as u64).duration.as_millis(), 180);
        file[231] = 0xC0;
        assert_eq!(sniff(&file), Container::Unknown);
    }
}
