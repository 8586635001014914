//! GSM 06.10, alone in a file (33-byte frames) and in WAVE (two frames packed into 65 bytes).
//!
//! A decoder goes on from the frame before, so one frame before a mask is silenced for its tail,
//! and one after it because it is coded relative to the masked past.

use super::constant::ConstantUnit;
use super::framed::{FramedCheck, FramedRewrite};
use super::silence::Rewrite;
use super::ticks::TickSpans;
use super::track::CodedTrack;
use super::unit::Reach;
use super::{MaskPlan, Recheck};
use crate::media::{GSM_FRAME_BYTES, GSM_FRAME_SAMPLES, GSM_RATE, GsmFramer, Measured};

const REACH: Reach = Reach { before: 0, after: GSM_FRAME_SAMPLES, units_after: 1 };

/// A frame that decodes to a constant of 24 LSB.
const SILENT_FRAME: [u8; GSM_FRAME_BYTES] = [
    0xD8, 0x20, 0xA2, 0xE1, 0x5A, // signature and filter
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, // four sub-frames
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, //
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24, //
    0x50, 0x00, 0x49, 0x24, 0x92, 0x49, 0x24,
];

/// The same parameters twice, packed as Microsoft does, least significant bit first.
const SILENT_BLOCK: [u8; 65] = [
    0x20, 0x48, 0x17, 0xD6, 0x84, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49,
    0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24, 0x89, 0x02, 0x80, 0x24, 0x49, 0x92, 0x24,
    0x09, 0x82, 0x74, 0x61, 0x4D, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92,
    0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49, 0x92, 0x28, 0x00, 0x48, 0x92, 0x24, 0x49,
    0x92,
];

/// A frame of a file without a container.
fn frame() -> ConstantUnit {
    let (samples, silent) = (GSM_FRAME_SAMPLES, SILENT_FRAME.to_vec());
    ConstantUnit { rate: GSM_RATE, samples, reach: REACH, silent }
}

/// A block of WAVE.
pub(super) fn block(rate: u32) -> ConstantUnit {
    let (samples, silent) = (2 * GSM_FRAME_SAMPLES, SILENT_BLOCK.to_vec());
    ConstantUnit { rate, samples, reach: REACH, silent }
}

/// The rewriter for a file without a container.
pub(super) fn open(facts: &Measured, plan: &MaskPlan) -> Box<dyn Rewrite> {
    let spans = TickSpans::new(plan, facts, GSM_RATE, 0);
    let track = CodedTrack::new(Box::new(frame()), spans);
    Box::new(FramedRewrite::new(GsmFramer, Box::new(track)))
}

/// The check for it.
pub(super) fn check(facts: &Measured, plan: &MaskPlan) -> Box<dyn Recheck> {
    let spans = TickSpans::new(plan, facts, GSM_RATE, 0);
    Box::new(FramedCheck::new((GsmFramer, GsmFramer), Box::new(frame()), spans))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::mask::trial;

    /// Frames numbered in their second byte.
    fn file(frames: u8) -> Vec<u8> {
        (0..frames).flat_map(|number| [&[0xD1, number][..], &[0x35; 31]].concat()).collect()
    }

    #[test]
    fn one_frame_before_and_one_after_are_silent_too() {
        let mut file = file(50);
        file.extend_from_slice(&[0xDF; 10]);
        let silent = |spans: &[(u64, u64)]| {
            let (masked, certificate) = trial::masked(&file, spans).unwrap();
            let frames = masked.chunks(33).zip(file.chunks(33));
            let silent: Vec<usize> = frames
                .enumerate()
                .filter(|(_, (masked, source))| {
                    let silent = SILENT_FRAME.starts_with(masked);
                    assert!(silent || masked == source);
                    silent
                })
                .map(|(number, _)| number)
                .collect();
            assert_eq!(certificate.units_silenced, silent.len() as u64);
            assert_eq!(certificate.units_total, 51);
            silent
        };
        // 200 ms is the first instant of frame 10; 300 ms is the end of frame 14.
        assert_eq!(silent(&[(200, 300)]), (9..=15).collect::<Vec<_>>());
        assert_eq!(silent(&[(199, 301)]), (8..=16).collect::<Vec<_>>());
        assert_eq!(silent(&[(0, 1)]), [0, 1]);
        assert_eq!(silent(&[(1010, 5000)]), [49, 50]);
    }

    #[test]
    fn damage_is_named_and_never_panics() {
        let mut file = file(60);
        trial::mutants(&file, &[(100, 300)], 500);
        trial::every_change_is_seen(&file, &[(100, 300)]);
        let at = 33 * 55;
        file[at] = 0xC1;
        let error = trial::masked(&file, &[(100, 300)]).unwrap_err();
        assert_eq!(error.to_string(), "this kind of file is not supported");
        let long = [&file[..at], &[0xD1; 33 * 500], &file[at..]].concat();
        let error = trial::masked(&long, &[(100, 300)]).unwrap_err();
        assert_eq!(error.to_string(), format!("no GSM frame at byte {}", at + 33 * 500));
    }
}
