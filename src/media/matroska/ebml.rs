//! EBML (RFC 8794): element headers, numbers, and the children of a master that is in memory.

use crate::media::MediaError;

/// `Void`: filler that every reader steps over (RFC 8794 section 11.3.2).
pub const VOID: u32 = 0xEC;
/// `CRC-32` of what follows in the same master (RFC 8794 section 11.3.1).
pub const CRC_32: u32 = 0xBF;

/// Longest element id that Matroska uses, in bytes.
const MAX_ID_BYTES: usize = 4;
/// Longest size field of EBML, in bytes.
const MAX_SIZE_BYTES: usize = 8;
/// Longest element header in bytes.
pub const MAX_HEADER_BYTES: usize = MAX_ID_BYTES + MAX_SIZE_BYTES;

/// The header of an element.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// With its length marker, as the specification lists it.
    pub id: u32,
    /// Length of the header itself in bytes.
    pub len: usize,
    /// Length of the content in bytes; `None` when it is declared unknown.
    pub size: Option<u64>,
}

/// A number with its length in front (RFC 8794 section 4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Vint {
    /// Without the marker.
    pub value: u64,
    /// In bytes, 1 to 8.
    pub len: usize,
}

impl Vint {
    /// The number that `bytes` begins with; `None` when they end inside it, or it would be longer
    /// than eight bytes.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        let first = *bytes.first()?;
        let len = vint_len(first);
        let tail = bytes.get(1..len).filter(|_| len <= MAX_SIZE_BYTES)?;
        let marker = 0x80_u8 >> (len - 1);
        let start = u64::from(first ^ marker);
        let value = tail.iter().fold(start, |sum, byte| (sum << 8) | u64::from(*byte));
        Some(Self { value, len })
    }

    /// Whether all its bits are ones, which as a size means "unknown".
    const fn is_unknown(self) -> bool {
        self.value == (1 << (7 * self.len)) - 1
    }
}

/// Length in bytes of the number that begins with `first`; 9 for none.
const fn vint_len(first: u8) -> usize {
    first.leading_zeros() as usize + 1
}

/// The header that `bytes`, whose first is byte `at` of the file, begin with; `None` when they end
/// inside it.
///
/// # Errors
/// Malformed for an id or a size that cannot be one.
pub fn header(bytes: &[u8], at: u64) -> Result<Option<Header>, MediaError> {
    let Some(first) = bytes.first() else { return Ok(None) };
    let id_len = vint_len(*first);
    if id_len > MAX_ID_BYTES {
        return Err(MediaError::malformed("no element id", at));
    }
    let (Some(id), Some(rest)) = (bytes.get(..id_len), bytes.get(id_len..)) else {
        return Ok(None);
    };
    if Vint::read(id).is_none_or(|id| id.is_unknown() || id.value == 0) {
        return Err(MediaError::malformed("a reserved element id", at));
    }
    let Some(first) = rest.first() else { return Ok(None) };
    if vint_len(*first) > MAX_SIZE_BYTES {
        return Err(MediaError::malformed("no element size", at));
    }
    Ok(Vint::read(rest).map(|size| Header {
        id: id.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte)),
        len: id_len + size.len,
        size: (!size.is_unknown()).then_some(size.value),
    }))
}

/// The header of a `Void` element that takes the place of a header of `len` bytes with `size`
/// bytes of content, and is as long. Of a header longer than 9 bytes the rest is content.
pub fn void_header(len: usize, size: u64) -> Vec<u8> {
    let size_len = len.saturating_sub(1).clamp(1, MAX_SIZE_BYTES);
    let over = len.saturating_sub(1 + size_len);
    let size = size.saturating_add(over as u64);
    let bytes = (size | (1 << (7 * size_len))).to_be_bytes();
    let mut out = vec![0xEC];
    out.extend_from_slice(bytes.get(MAX_SIZE_BYTES - size_len..).unwrap_or_default());
    out.resize(len, 0);
    out
}

/// An element that is in memory as a whole.
#[derive(Debug, Clone, Copy)]
pub struct Element<'a> {
    /// With its length marker.
    pub id: u32,
    /// Offset of its header in the file.
    pub at: u64,
    /// Offset of its header in its parent's content.
    pub start: usize,
    /// Length of its header in bytes.
    pub head: usize,
    /// Its content.
    pub content: &'a [u8],
}

impl<'a> Element<'a> {
    /// The children of a master.
    pub const fn children(&self) -> Children<'a> {
        Children::new(self.content, self.content_at())
    }

    /// Offset of its content in the file.
    pub const fn content_at(&self) -> u64 {
        self.at.saturating_add(self.head as u64)
    }

    /// Its content as an unsigned integer; an empty one is 0.
    ///
    /// # Errors
    /// Malformed when it is longer than eight bytes.
    pub fn uint(&self) -> Result<u64, MediaError> {
        if self.content.len() > 8 {
            return Err(MediaError::malformed("an integer of more than 8 bytes", self.at));
        }
        Ok(self.content.iter().fold(0, |sum, byte| (sum << 8) | u64::from(*byte)))
    }

    /// Its content as a floating-point number; an empty one is 0.
    ///
    /// # Errors
    /// Malformed when it is neither empty nor four nor eight bytes long.
    pub fn float(&self) -> Result<f64, MediaError> {
        match self.content.len() {
            0 => Ok(0.0),
            4 => Ok(self.content.first_chunk().map_or(0.0, |raw| f32::from_be_bytes(*raw).into())),
            8 => Ok(self.content.first_chunk().map_or(0.0, |raw| f64::from_be_bytes(*raw))),
            _ => Err(MediaError::malformed("a float that is not 4 or 8 bytes long", self.at)),
        }
    }

    /// Its content as text, without the padding that EBML allows.
    pub fn text(&self) -> String {
        let text = self.content.split(|byte| *byte == 0).next().unwrap_or_default();
        String::from_utf8_lossy(text).into_owned()
    }
}

/// Walks the children of a master; ends after the first that is damaged.
#[derive(Debug, Clone)]
pub struct Children<'a> {
    content: &'a [u8],
    content_at: u64,
    next: usize,
}

impl<'a> Children<'a> {
    /// The elements that make up `content`, which is found at byte `content_at` of the file.
    pub const fn new(content: &'a [u8], content_at: u64) -> Self {
        Self { content, content_at, next: 0 }
    }

    fn read(&mut self) -> Result<Option<Element<'a>>, MediaError> {
        let start = self.next;
        let at = self.content_at.saturating_add(start as u64);
        let rest = self.content.get(start..).unwrap_or_default();
        self.next = self.content.len();
        if rest.is_empty() {
            return Ok(None);
        }
        let outside = || MediaError::malformed("an element that is longer than its parent", at);
        let header = header(rest, at)?.ok_or_else(outside)?;
        let size = header.size.and_then(|size| usize::try_from(size).ok()).ok_or_else(outside)?;
        let body = rest.get(header.len..).ok_or_else(outside)?;
        let content = body.get(..size).ok_or_else(outside)?;
        self.next = start.saturating_add(header.len).saturating_add(size);
        Ok(Some(Element { id: header.id, at, start, head: header.len, content }))
    }
}

impl<'a> Iterator for Children<'a> {
    type Item = Result<Element<'a>, MediaError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.read().transpose()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_and_void_headers_fit() {
        let read = |bytes: &[u8]| header(bytes, 7).unwrap();
        assert_eq!(read(&[0xA3, 0x85]), Some(Header { id: 0xA3, len: 2, size: Some(5) }));
        assert_eq!(
            read(&[0x1F, 0x43, 0xB6, 0x75, 1, 255, 255, 255, 255, 255, 255, 255]),
            Some(Header { id: 0x1F43_B675, len: 12, size: None })
        );
        assert_eq!(read(&[0xA3, 0x40, 2]), Some(Header { id: 0xA3, len: 3, size: Some(2) }));
        assert_eq!(read(&[0xA3, 0x40]), None);
        assert_eq!(read(&[0x1F, 0x43]), None);
        assert_eq!(read(&[]), None);
        for wrong in [&[0_u8, 1][..], &[0x08, 1], &[0xFF, 0x81], &[0x80, 0x81], &[0xA3, 0]] {
            assert!(matches!(header(wrong, 7), Err(MediaError::Malformed { offset: 7, .. })));
        }
        for (len, size) in [(2, 0), (2, 126), (3, 127), (5, 300), (9, 1 << 40), (12, 1 << 40)] {
            let void = void_header(len, size);
            assert_eq!(void.len(), len);
            let found = header(&void, 0).unwrap().unwrap();
            let total = found.len as u64 + found.size.unwrap();
            assert_eq!((found.id, total), (VOID, len as u64 + size));
        }
    }

    #[test]
    fn children_end_with_their_parent() {
        fn parsed(bytes: &[u8]) -> Result<Vec<Element<'_>>, MediaError> {
            Children::new(bytes, 100).collect()
        }
        let found = parsed(&[0xD7, 0x81, 9, 0x83, 0x80]).unwrap();
        assert_eq!((found[0].id, found[0].uint().unwrap(), found[0].at), (0xD7, 9, 100));
        assert_eq!((found[1].id, found[1].uint().unwrap(), found[1].start), (0x83, 0, 3));
        for wrong in [&[0xD7, 0x82, 9][..], &[0xD7], &[0xD7, 0xFF, 1]] {
            assert!(matches!(parsed(wrong), Err(MediaError::Malformed { offset: 100, .. })));
        }
    }
}
