//! The boxes themselves (ISO 14496-12 section 4.2).

use std::io::{Read, Seek};

use super::{Budget, MediaError};
use crate::media::riff::read_at;

/// One box: its type, and where it lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Mp4Box {
    /// The four characters.
    pub kind: [u8; 4],
    /// First byte of its header.
    pub start: u64,
    /// First byte of its payload.
    pub offset: u64,
    /// First byte after it.
    pub end: u64,
}

impl Mp4Box {
    /// Length of the payload in bytes.
    pub const fn len(&self) -> u64 {
        self.end.saturating_sub(self.offset)
    }

    /// Whether there is no payload.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Header length and whole length of the box whose first 16 bytes (or all that are left) are
/// `head`. Size 1 means that a 64-bit size follows; size 0, up to the end of what holds it.
fn lengths(head: &[u8], left: u64) -> Option<([u8; 4], u64, u64)> {
    let (size, rest) = head.split_first_chunk::<4>()?;
    let (kind, rest) = rest.split_first_chunk::<4>()?;
    let (head_len, len) = match u32::from_be_bytes(*size) {
        0 => (8, left),
        1 => (16, u64::from_be_bytes(*rest.first_chunk::<8>()?)),
        short => (8, u64::from(short)),
    };
    (len >= head_len && len <= left).then_some((*kind, head_len, len))
}

/// The boxes between `from` and `end`.
///
/// # Errors
/// Malformed when one reaches beyond `end`, and a limit on their number.
pub fn boxes<R>(
    source: &mut R,
    from: u64,
    end: u64,
    budget: &mut Budget,
) -> Result<Vec<Mp4Box>, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut found = Vec::new();
    let mut at = from;
    while at < end {
        budget.spend_box()?;
        let left = end - at;
        let mut head = [0; 16];
        let wanted = usize::try_from(left.min(16)).unwrap_or(16);
        let head = head.get_mut(..wanted).unwrap_or_default();
        read_at(source, at, head)?;
        let lengths = lengths(head, left);
        let (kind, head_len, len) = lengths
            .ok_or_else(|| MediaError::malformed("a box is longer than what holds it", at))?;
        found.push(Mp4Box { kind, start: at, offset: at + head_len, end: at + len });
        at += len;
    }
    Ok(found)
}

/// The boxes in `bytes`, which begin at byte `at` of the file.
///
/// QuickTime lets a list end in four zero bytes; what is too short for a box ends the list.
///
/// # Errors
/// As [`boxes`].
pub fn boxes_in(bytes: &[u8], at: u64, budget: &mut Budget) -> Result<Vec<Mp4Box>, MediaError> {
    let mut found = Vec::new();
    let mut rest = bytes;
    while rest.len() >= 8 {
        budget.spend_box()?;
        let start = at.saturating_add((bytes.len() - rest.len()) as u64);
        let bad = || MediaError::malformed("a box is longer than what holds it", start);
        let (kind, head_len, len) = lengths(rest, rest.len() as u64).ok_or_else(bad)?;
        found.push(Mp4Box { kind, start, offset: start + head_len, end: start + len });
        rest = usize::try_from(len).ok().and_then(|len| rest.get(len..)).ok_or_else(bad)?;
    }
    Ok(found)
}

/// The payload of a box.
///
/// # Errors
/// A limit when the budget does not allow it.
pub fn read_payload<R>(
    source: &mut R,
    holder: &Mp4Box,
    budget: &mut Budget,
) -> Result<Vec<u8>, MediaError>
where
    R: Read + Seek + ?Sized,
{
    budget.spend_bytes(holder.len())?;
    let len = usize::try_from(holder.len());
    let len = len.map_err(|_| MediaError::malformed("a box is too long", holder.start))?;
    let mut payload = vec![0; len];
    read_at(source, holder.offset, &mut payload)?;
    Ok(payload)
}
