//! Pictures at which decoding can begin, told from their own bytes.
//!
//! A file's list of sync samples is not believed: behind a gap, a picture that was coded with the
//! help of a dropped one would show what is left of it. H.264 resumes at IDR pictures only; behind
//! any other, what follows may still refer to pictures before it.
//!
//! A clean random access picture (CRA) of H.265 counts on from the picture before it. Behind a gap
//! that count is wrong, so it is marked as a broken link (BLA), as splicers do: the two differ in
//! nothing but the type in the NAL unit's header (ISO 23008-2 sections 7.3.1.2 and 7.4.2.2).

use super::hidden::{MAX_OBUS, obu};

const CRA_NUT: u8 = 21;
/// A broken link without leading pictures; they are gone.
const BLA_N_LP: u8 = 18;

/// How the pictures of a track begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum PictureKind {
    /// H.264, by how many bytes the length of a NAL unit has.
    Avc(usize),
    /// H.265, the same.
    Hevc(usize),
    Vp8,
    Vp9,
    Av1,
    /// MPEG-4 part 2.
    Visual,
    /// Every picture stands for itself.
    Still,
    /// The decoder's configuration is missing.
    Unknown,
}

impl PictureKind {
    /// H.264 with the configuration `avcC` (ISO 14496-15 section 5.3.3.1.2).
    pub(super) fn avc(config: &[u8]) -> Self {
        config.get(4).map_or(Self::Unknown, |sizes| Self::Avc(nal_length(*sizes)))
    }

    /// H.265 with the configuration `hvcC` (ISO 14496-15 section 8.3.3.1.2).
    pub(super) fn hevc(config: &[u8]) -> Self {
        config.get(21).map_or(Self::Unknown, |sizes| Self::Hevc(nal_length(*sizes)))
    }

    /// Whether decoding can begin at a picture, by its first bytes. `None` when they do not tell.
    pub(super) fn is_key(self, head: &[u8]) -> Option<bool> {
        let first = *head.first()?;
        Some(match self {
            Self::Avc(length) => {
                let mut coded = NalUnits { sample: head, at: 0, length };
                coded.find_map(|(_, head)| Some(head & 31).filter(|kind| (1..=5).contains(kind)))?
                    == 5
            }
            Self::Hevc(length) => {
                let mut coded = NalUnits { sample: head, at: 0, length };
                let kind =
                    coded.find_map(|(_, head)| Some(head >> 1 & 63).filter(|kind| *kind < 32))?;
                (16..=23).contains(&kind)
            }
            // RFC 6386 section 9.1.
            Self::Vp8 => first & 1 == 0,
            // VP9 bitstream section 6.2: marker 2 bits, profile 2, from profile 3 on 1 reserved,
            // show_existing_frame, frame_type.
            Self::Vp9 if first & 0x30 == 0x30 => first & 0xC6 == 0x80,
            Self::Vp9 => first & 0xCC == 0x80,
            Self::Av1 => return av1_is_key(head),
            // ISO 14496-2 section 6.2.5: vop_start_code, vop_coding_type 0 is I. A second picture
            // in the same place leads into the first.
            Self::Visual => {
                let mut starts = head.windows(5).filter(|five| five.starts_with(&[0, 0, 1, 0xB6]));
                starts.next()?.last()? >> 6 == 0 && starts.next().is_none()
            }
            Self::Still => true,
            Self::Unknown => false,
        })
    }

    /// Where the first header byte of each CRA unit of a picture lies, and what a BLA unit has
    /// there.
    pub(super) fn broken_links(self, picture: &[u8]) -> Vec<(usize, u8)> {
        let Self::Hevc(length) = self else { return Vec::new() };
        let units = NalUnits { sample: picture, at: 0, length };
        let links = units.filter(|(_, head)| head >> 1 & 63 == CRA_NUT);
        links.map(|(at, head)| (at, head & 0x81 | BLA_N_LP << 1)).collect()
    }
}

/// The field `lengthSizeMinusOne`, of two bits, plus 1.
fn nal_length(field: u8) -> usize {
    usize::from(field & 3) + 1
}

/// Whether the first frame is a key frame that is shown: it alone replaces all references (AV1
/// specification sections 5.5.1 and 5.9.2).
fn av1_is_key(head: &[u8]) -> Option<bool> {
    let (mut rest, mut still) = (head, false);
    for _ in 0..MAX_OBUS {
        let (kind, content, size) = obu(rest)?;
        match kind {
            // Sequence header: seq_profile (3), still_picture, reduced_still_picture_header.
            1 => still = content.first()? & 0x08 != 0,
            // Frame header, frame: show_existing_frame, frame_type (2), show_frame.
            3 | 6 => return Some(still || content.first()? & 0xF0 == 0x10),
            _ => {}
        }
        rest = content.get(size..)?;
    }
    None
}

/// Place and value of the first header byte of each NAL unit.
struct NalUnits<'a> {
    sample: &'a [u8],
    at: usize,
    /// Bytes of a unit's length.
    length: usize,
}

impl Iterator for NalUnits<'_> {
    type Item = (usize, u8);

    fn next(&mut self) -> Option<(usize, u8)> {
        let (length, units) = self.sample.get(self.at..)?.split_at_checked(self.length)?;
        let len = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let head = *units.first().filter(|_| len > 0)?;
        let place = self.at.saturating_add(self.length);
        self.at = place.saturating_add(len);
        Some((place, head))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_headers_of_random_access_units_change() {
        let sample = [0, 2, 0x46, 1, 0, 3, 0x2A, 1, 9, 0, 3, 0x2B, 1, 9, 0, 9];
        assert_eq!(PictureKind::Hevc(2).broken_links(&sample), [(6, 0x24), (11, 0x25)]);
        assert_eq!(PictureKind::Hevc(2).broken_links(&[0, 0, 0x2A]), []);
        assert_eq!(PictureKind::Avc(2).broken_links(&sample), []);
    }

    #[test]
    fn key_pictures_are_told_from_their_bytes() {
        use PictureKind::{Av1, Avc, Hevc, Still, Unknown, Visual, Vp8, Vp9};
        for (kind, head, key) in [
            (Avc(4), &[0, 0, 0, 2, 0x67, 1, 0, 0, 0, 9, 0x65][..], Some(true)),
            (Avc(4), &[0, 0, 0, 2, 0x06, 1, 0, 0, 0, 9, 0x61], Some(false)),
            (Avc(4), &[0, 0, 0, 2, 0x67, 1], None),
            (Hevc(4), &[0, 0, 0, 2, 0x40, 1, 0, 0, 0, 9, 0x2A], Some(true)),
            (Hevc(4), &[0, 0, 0, 9, 0x02], Some(false)),
            (Vp8, &[0x10], Some(true)),
            (Vp8, &[0x11], Some(false)),
            (Vp9, &[0x82], Some(true)),
            (Vp9, &[0x86], Some(false)),
            (Vp9, &[0x88], Some(false)),
            (Vp9, &[0xB0], Some(true)),
            (Vp9, &[0xB2], Some(false)),
            // Sequence header and a frame: shown key, hidden key, shown inter, shown existing.
            (Av1, &[0x0A, 1, 0, 0x32, 90, 0x10], Some(true)),
            (Av1, &[0x12, 0, 0x0A, 1, 0, 0x32, 90, 0x1F], Some(true)),
            (Av1, &[0x0A, 1, 0, 0x32, 90, 0x00], Some(false)),
            (Av1, &[0x0A, 1, 0, 0x32, 90, 0x30], Some(false)),
            (Av1, &[0x0A, 1, 0, 0x1A, 1, 0x90], Some(false)),
            (Av1, &[0x0A, 1, 0x18, 0x32, 90, 0x00], Some(true)),
            (Av1, &[0x0A, 11], None),
            (Visual, &[0, 0, 1, 0xB6, 0x10], Some(true)),
            (Visual, &[0, 0, 1, 0xB6, 0x50], Some(false)),
            (Visual, &[0, 0, 1, 0xB6, 0x10, 0, 0, 1, 0xB6, 0x90], Some(false)),
            (Still, &[1], Some(true)),
            (Unknown, &[1], Some(false)),
            (Vp8, &[], None),
        ] {
            assert_eq!(kind.is_key(head), key, "{kind:?} {head:?}");
        }
    }
}
