//! H.265 pictures at which decoding resumes after a gap.
//!
//! A clean random access picture (CRA) counts on from the picture before it. Behind a gap that
//! count is wrong, so it is marked as a broken link (BLA), as splicers do: the two differ in
//! nothing but the type in the NAL unit's header (ISO 23008-2 sections 7.3.1.2 and 7.4.2.2).

use crate::media::mp4::TrackIndex;

const CRA_NUT: u8 = 21;
/// A broken link without leading pictures; they are gone.
const BLA_N_LP: u8 = 18;

/// How many bytes the length of a NAL unit has in an H.265 track (ISO 14496-15 section 8.3.3.1.2);
/// `None` for other tracks.
pub(super) fn nal_length_bytes(track: &TrackIndex) -> Option<usize> {
    let entry = track.entries.first()?;
    if !matches!(&entry.kind, b"hvc1" | b"hev1") {
        return None;
    }
    // The fields of a picture entry have 78 bytes; hvcC is the first box behind them as a rule.
    let boxes = entry.payload.get(78..)?;
    let at = boxes.windows(4).position(|four| four == b"hvcC")?;
    let field = boxes.get(at.checked_add(4 + 21)?)?;
    Some(usize::from(field & 3) + 1)
}

/// Where the first header byte of each CRA unit of a sample lies, and what a BLA unit has there.
pub(super) fn broken_links(sample: &[u8], length_bytes: usize) -> Vec<(usize, u8)> {
    let mut found = Vec::new();
    let mut at = 0_usize;
    while let Some((length, units)) =
        sample.get(at..).and_then(|rest| rest.split_at_checked(length_bytes))
    {
        let len = length.iter().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte));
        let Some(head) = units.first().filter(|_| len > 0) else { break };
        let place = at.saturating_add(length_bytes);
        if head >> 1 & 63 == CRA_NUT {
            found.push((place, head & 0x81 | BLA_N_LP << 1));
        }
        at = place.saturating_add(len);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_headers_of_random_access_units_change() {
        let sample = [0, 2, 0x46, 1, 0, 3, 0x2A, 1, 9, 0, 3, 0x2B, 1, 9, 0, 9];
        assert_eq!(broken_links(&sample, 2), [(6, 0x24), (11, 0x25)]);
        assert_eq!(broken_links(&[0, 0, 0x2A], 2), []);
    }
}
