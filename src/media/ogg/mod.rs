//! Ogg pages (RFC 3533): where they end, what they carry, and their checksum.

mod crc;

use std::ops::Range;

use super::{Cut, Framer, MediaError};

/// Bytes before the lacing values.
const HEAD_BYTES: usize = 27;
/// Where the checksum stands.
const CRC: Range<usize> = 22..26;

/// A whole page.
///
/// ```text
/// "OggS" version flags granule(8) serial(4) sequence(4) crc(4) count lacing(count) body
/// ```
#[derive(Debug, Clone)]
pub struct OggPage<'a> {
    /// The body begins with the rest of a packet of the page before.
    pub continued: bool,
    /// First page of its logical stream.
    pub begins: bool,
    /// Last page of its logical stream.
    pub ends: bool,
    /// Time at the end of the last packet that ends here; `None` when the page says none.
    pub granule: Option<i64>,
    /// Which logical stream.
    pub serial: u32,
    /// Number of the page in its stream.
    pub sequence: u32,
    lacing: &'a [u8],
}

/// A packet, or the part of one, that a page carries. Both ranges are offsets in the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OggPiece {
    /// Its bytes.
    pub body: Range<usize>,
    /// Its lacing values.
    pub lacing: Range<usize>,
    /// Whether the packet ends with it.
    pub ends: bool,
}

impl<'a> OggPage<'a> {
    /// Reads the header of a page that [`OggFramer`] cut out at byte `at` of the file.
    ///
    /// # Errors
    /// Malformed.
    pub fn read(page: &'a [u8], at: u64) -> Result<Self, MediaError> {
        let wrong = || MediaError::malformed("an Ogg page has no whole header", at);
        let (head, rest) = page.split_first_chunk::<HEAD_BYTES>().ok_or_else(wrong)?;
        let [b'O', b'g', b'g', b'S', _, flags, head @ .., count] = head else {
            return Err(wrong());
        };
        let (granule, head) = head.split_first_chunk::<8>().ok_or_else(wrong)?;
        let (serial, head) = head.split_first_chunk::<4>().ok_or_else(wrong)?;
        let (sequence, _) = head.split_first_chunk::<4>().ok_or_else(wrong)?;
        let granule = i64::from_le_bytes(*granule);
        Ok(Self {
            continued: flags & 1 != 0,
            begins: flags & 2 != 0,
            ends: flags & 4 != 0,
            granule: Some(granule).filter(|granule| *granule >= 0),
            serial: u32::from_le_bytes(*serial),
            sequence: u32::from_le_bytes(*sequence),
            lacing: rest.get(..usize::from(*count)).ok_or_else(wrong)?,
        })
    }

    /// The packets and parts of packets, in order.
    pub fn pieces(&self) -> impl Iterator<Item = OggPiece> {
        let mut body = HEAD_BYTES + self.lacing.len();
        let mut lacing = HEAD_BYTES;
        let runs = self.lacing.split_inclusive(|value| *value < 255);
        runs.map(move |run| {
            let (body_from, lacing_from) = (body, lacing);
            body += run.iter().map(|value| usize::from(*value)).sum::<usize>();
            lacing += run.len();
            let ends = run.last().is_some_and(|value| *value < 255);
            OggPiece { body: body_from..body, lacing: lacing_from..lacing, ends }
        })
    }
}

/// The lacing values of a packet of `size` bytes: 255 until less is left.
pub fn ogg_lacing(size: usize) -> impl Iterator<Item = u8> {
    let last = u8::try_from(size % 255).unwrap_or(0);
    std::iter::repeat_n(255, size / 255).chain(std::iter::once(last))
}

/// The checksum that a whole page should have.
fn ogg_crc(page: &[u8]) -> u32 {
    let crc = crc::update(0, page.get(..CRC.start).unwrap_or_default());
    crc::update(crc::update(crc, &[0; 4]), page.get(CRC.end..).unwrap_or_default())
}

/// Whether a whole page has the checksum that it should have.
pub fn ogg_crc_holds(page: &[u8]) -> bool {
    page.get(CRC) == Some(ogg_crc(page).to_le_bytes().as_slice())
}

/// Gives a changed page its checksum.
pub fn set_ogg_crc(page: &mut [u8]) {
    let crc = ogg_crc(page).to_le_bytes();
    if let Some(field) = page.get_mut(CRC) {
        field.copy_from_slice(&crc);
    }
}

/// Cuts a file into pages, each of them a unit of at most 65,307 bytes.
#[derive(Debug, Clone, Copy, Default)]
pub struct OggFramer;

impl Framer for OggFramer {
    fn cut(&mut self, window: &[u8], at: u64, last: bool) -> Result<Cut, MediaError> {
        if !window.iter().zip(b"OggS\0").all(|(found, wanted)| found == wanted) {
            return Err(MediaError::malformed("no Ogg page begins", at));
        }
        let wanted = match window.split_first_chunk::<HEAD_BYTES>() {
            None => HEAD_BYTES,
            Some(([.., count], rest)) => match rest.get(..usize::from(*count)) {
                None => HEAD_BYTES + usize::from(*count),
                Some(lacing) => {
                    let body: usize = lacing.iter().map(|value| usize::from(*value)).sum();
                    let len = HEAD_BYTES + lacing.len() + body;
                    if window.len() >= len {
                        return Ok(Cut::Unit(len));
                    }
                    len
                }
            },
        };
        if last {
            return Err(MediaError::malformed("the file ends inside an Ogg page", at));
        }
        Ok(Cut::More(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A page of 5 bytes of one packet's end, 255 of another's begin.
    fn page() -> Vec<u8> {
        let mut page = b"OggS\0\x05".to_vec();
        page.extend([8, 0, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0, 9, 0, 0, 0, 1, 2, 3, 4, 3, 5, 0, 255]);
        page.resize(30 + 260, 0x55);
        page
    }

    #[test]
    fn a_page_is_cut_and_read_from_any_portions() {
        let file = [page(), page()].concat();
        for portion in [1, 26, 27, 29, 290, 580] {
            let mut cutter = super::super::Cutter::new(OggFramer);
            let mut pages = Vec::new();
            for bytes in file.chunks(portion) {
                cutter.push(bytes);
                while let Some(piece) = cutter.next(false).unwrap() {
                    pages.push((piece.at, piece.bytes));
                }
            }
            assert_eq!(pages, [(0, page()), (290, page())]);
        }
        let bytes = page();
        let page = OggPage::read(&bytes, 0).unwrap();
        assert!(page.continued && page.ends && !page.begins);
        assert_eq!((page.granule, page.serial, page.sequence), (Some(8), 7, 9));
        let pieces: Vec<OggPiece> = page.pieces().collect();
        let piece = |body, lacing, ends| OggPiece { body, lacing, ends };
        let expected = [
            piece(30..35, 27..28, true),
            piece(35..35, 28..29, true),
            piece(35..290, 29..30, false),
        ];
        assert_eq!(pieces, expected);
    }

    #[test]
    fn what_is_no_page_is_refused_with_its_offset() {
        let fault = |window: &[u8]| OggFramer.cut(window, 3, true).unwrap_err().to_string();
        assert_eq!(fault(b"ID3"), "no Ogg page begins at byte 3");
        assert_eq!(fault(b"OggS\x01"), "no Ogg page begins at byte 3");
        assert_eq!(fault(&page()[..289]), "the file ends inside an Ogg page at byte 3");
        assert_eq!(OggFramer.cut(b"Og", 0, false).unwrap(), Cut::More(27));
    }

    #[test]
    fn lacing_and_checksum_are_written_as_they_are_read() {
        for size in [0, 1, 254, 255, 256, 509, 510, 511] {
            let lacing: Vec<u8> = ogg_lacing(size).collect();
            assert_eq!(lacing.iter().map(|value| usize::from(*value)).sum::<usize>(), size);
            assert!(lacing.last().unwrap() < &255 && lacing.len() == size / 255 + 1);
        }
        let mut page = page();
        assert!(!ogg_crc_holds(&page));
        set_ogg_crc(&mut page);
        assert!(ogg_crc_holds(&page));
        page[200] ^= 1;
        assert!(!ogg_crc_holds(&page));
    }
}
