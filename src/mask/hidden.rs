//! Frames that are decoded early and shown late.
//!
//! VP8, VP9 and AV1 may put a frame from up to a look-ahead later in the stream under the time of
//! an earlier one, without showing it ("alternate reference"). Such a frame can hold a picture
//! of a mask although its block lies before the mask.

use crate::media::BitReader;

/// How far the frames of a coding look ahead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LookAhead {
    /// What is coded is shown at its own time.
    Never,
    Vp8,
    Vp9,
    Av1,
    /// Nothing is known of the coding.
    Unknown,
}

/// Longest look-ahead of libvpx in frames (`MAX_LAG_BUFFERS`).
const VPX_AHEAD: u32 = 25;
/// Longest distance of a hidden frame in AV1: the 32 frames of the longest layered group, and those
/// that the temporal filter adds.
const AV1_AHEAD: u32 = 48;
/// The same where nothing is known.
const OTHER_AHEAD: u32 = 64;
/// Most OBUs that are looked at. Frames in a VP9 superframe are counted with three bits, OBUs are not
/// counted at all.
pub(super) const MAX_OBUS: usize = 4096;

impl LookAhead {
    /// How many frames ahead of its own time the coded block or sample `data` can look; 0 when it
    /// cannot.
    pub(super) fn frames(self, data: &[u8]) -> u32 {
        let hides = match self {
            Self::Vp8 => vp8_hides(data),
            Self::Vp9 => vp9_hides(data).unwrap_or(true),
            Self::Av1 => av1_hides(data).unwrap_or(true),
            Self::Never | Self::Unknown => true,
        };
        if hides { self.most() } else { 0 }
    }

    /// The same for the one that looks furthest, and for what cannot be read because it is
    /// compressed or encrypted.
    pub(super) const fn most(self) -> u32 {
        match self {
            Self::Never => 0,
            Self::Vp8 | Self::Vp9 => VPX_AHEAD,
            Self::Av1 => AV1_AHEAD,
            Self::Unknown => OTHER_AHEAD,
        }
    }
}

/// The frame tag's `show_frame` (RFC 6386 section 9.1).
fn vp8_hides(data: &[u8]) -> bool {
    data.first().is_some_and(|tag| tag & 0x10 == 0)
}

/// Looks at every frame of a superframe (VP9 bitstream specification, annex B and section 6.2).
fn vp9_hides(data: &[u8]) -> Option<bool> {
    let Some(marker) = data.last().copied() else { return Some(false) };
    let width = usize::from((marker >> 3) & 3) + 1;
    let count = usize::from(marker & 7) + 1;
    let index = data.len().checked_sub(2 + width * count).and_then(|at| data.get(at..));
    let index = index.filter(|index| marker >> 5 == 0b110 && index.first() == Some(&marker));
    let Some(index) = index else { return vp9_frame_hides(data) };
    let mut rest = data;
    for size in index.get(1..)?.chunks_exact(width).take(count) {
        let size = size.iter().rev().fold(0_usize, |sum, byte| (sum << 8) | usize::from(*byte));
        let (frame, after) = rest.split_at_checked(size)?;
        rest = after;
        if !frame.is_empty() && vp9_frame_hides(frame)? {
            return Some(true);
        }
    }
    Some(false)
}

fn vp9_frame_hides(frame: &[u8]) -> Option<bool> {
    let mut bits = BitReader::new(frame);
    if bits.read(2)? != 2 {
        return None;
    }
    if bits.read(2)? == 3 {
        bits.skip(1)?;
    }
    if bits.flag()? {
        return Some(false);
    }
    bits.skip(1)?;
    bits.flag().map(|shown| !shown)
}

/// Looks at every frame header of a temporal unit (AV1 specification, sections 5.3 and 5.9.2).
fn av1_hides(data: &[u8]) -> Option<bool> {
    let mut rest = data;
    for _ in 0..MAX_OBUS {
        if rest.is_empty() {
            return Some(false);
        }
        let (kind, content, size) = obu(rest)?;
        let (obu, next) = content.split_at_checked(size)?;
        rest = next;
        // OBU_FRAME_HEADER and OBU_FRAME: show_existing_frame, frame_type (2), show_frame.
        if kind == 3 || kind == 6 {
            let first = *obu.first()?;
            if first & 0x80 == 0 && first & 0x10 == 0 {
                return Some(true);
            }
        }
    }
    None
}

/// Type of the first OBU of `data`, all that follows its header, and how many bytes of that belong
/// to it (AV1 specification section 5.3).
pub(super) fn obu(data: &[u8]) -> Option<(u8, &[u8], usize)> {
    let (header, after) = data.split_first()?;
    let after = if header & 0x04 == 0 { after } else { after.get(1..)? };
    let (size, content) = if header & 0x02 == 0 { (after.len(), after) } else { leb128(after)? };
    Some((header >> 3 & 0x0F, content, size))
}

fn leb128(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut value = 0_u64;
    for (index, byte) in bytes.iter().take(8).enumerate() {
        value |= u64::from(byte & 0x7F) << (7 * index);
        if byte & 0x80 == 0 {
            return Some((usize::try_from(value).ok()?, bytes.get(index + 1..)?));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_frames_are_seen() {
        assert_eq!(LookAhead::Vp8.frames(&[0x10, 0, 0]), 0);
        assert_eq!(LookAhead::Vp8.frames(&[0x01, 0, 0]), VPX_AHEAD);
        // Profile 0: marker 10, profile 00, existing 0, type 0, shown 1.
        let (shown, hidden) = ([0b1000_0010, 7, 7], [0b1000_0000, 7, 7]);
        assert_eq!(LookAhead::Vp9.frames(&shown), 0);
        assert_eq!(LookAhead::Vp9.frames(&hidden), VPX_AHEAD);
        let superframe = |first: [u8; 3]| [&first[..], &shown, &[0xC1, 3, 3, 0xC1]].concat();
        assert_eq!(LookAhead::Vp9.frames(&superframe(shown)), 0);
        assert_eq!(LookAhead::Vp9.frames(&superframe(hidden)), VPX_AHEAD);
        // Temporal delimiter, then OBU_FRAME.
        let unit = |first| [0x12, 0, 0x32, 2, first, 0];
        assert_eq!(LookAhead::Av1.frames(&unit(0x10)), 0);
        assert_eq!(LookAhead::Av1.frames(&unit(0x80)), 0);
        assert_eq!(LookAhead::Av1.frames(&unit(0x00)), AV1_AHEAD);
        assert_eq!(LookAhead::Av1.frames(&[0x32, 9]), AV1_AHEAD);
        assert_eq!(LookAhead::Never.frames(&[]), 0);
        assert_eq!(LookAhead::Unknown.frames(&[]), OTHER_AHEAD);
    }
}
