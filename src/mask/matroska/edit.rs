//! Changes to masters that are in memory; no element changes its length.

use std::ops::Range;

use crate::media::matroska::{Children, Crc32, Element, TrackEntry, ebml};
use crate::media::{MediaError, Piece, STREAMINFO_MD5};

/// Where the `CodecPrivate` of FLAC has the 34 bytes of its STREAMINFO: behind `fLaC` and the header of the
/// metadata block.
pub(super) const FLAC_STREAMINFO: Range<usize> = 8..42;

/// The `Void` element that takes the place of `element`.
pub(super) fn void(element: &Element<'_>) -> Vec<u8> {
    let size = element.content.len();
    let mut bytes = ebml::void_header(element.head, size as u64);
    bytes.resize(element.head.saturating_add(size), 0);
    bytes
}

/// `block` with other bytes at places that count from `frame` on.
pub(super) fn marked(block: &[u8], frame: usize, marks: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = block.to_vec();
    let frame = bytes.get_mut(frame..).unwrap_or_default();
    for (at, byte) in marks {
        frame.get_mut(*at..=*at).unwrap_or_default().fill(*byte);
    }
    bytes
}

/// `piece`, which is `master`, with the children for which `gone` holds made `Void`, and its
/// checksum computed anew; `None` when there are none.
pub(super) fn voided(
    piece: &Piece,
    master: &Element<'_>,
    gone: impl Fn(&Element<'_>) -> Result<bool, MediaError>,
) -> Result<Option<Vec<u8>>, MediaError> {
    let mut content = Vec::with_capacity(master.content.len());
    let mut changed = false;
    for child in master.children() {
        let child = child?;
        let end = child.start.saturating_add(child.head).saturating_add(child.content.len());
        if gone(&child)? {
            content.extend_from_slice(&void(&child));
            changed = true;
        } else {
            content.extend_from_slice(master.content.get(child.start..end).unwrap_or_default());
        }
    }
    renew_checksum(&mut content);
    let header = piece.bytes.get(..master.head).unwrap_or_default();
    Ok(changed.then(|| [header, &content].concat()))
}

/// Computes the checksum of a master's content anew, if it begins with one.
pub(super) fn renew_checksum(content: &mut [u8]) {
    let first = Children::new(content, 0).next().and_then(Result::ok);
    let first = first.filter(|first| first.id == ebml::CRC_32 && first.content.len() == 4);
    let Some(head) = first.map(|first| first.head) else { return };
    let Some((sum, covered)) = content.get_mut(head..).and_then(<[u8]>::split_first_chunk_mut::<4>)
    else {
        return;
    };
    *sum = Crc32::of(covered);
}

/// Where the file has the MD5 of a FLAC track's samples.
pub(super) fn digest(entry: &TrackEntry) -> Option<Range<u64>> {
    let at = entry.codec_private_at.checked_add(FLAC_STREAMINFO.start as u64)?;
    let range = at + STREAMINFO_MD5.start as u64..at + STREAMINFO_MD5.end as u64;
    let held = entry.codec_private.len() >= FLAC_STREAMINFO.end;
    (entry.codec_id == "A_FLAC" && held).then_some(range)
}
