//! Ogg pages (RFC 3533): read into packets, and written again.

/// A packet, and the page on which it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Packet {
    pub(crate) bytes: Vec<u8>,
    pub(crate) page: usize,
}

/// Reads all packets of a file with one logical stream; checks every page's CRC and number.
pub(crate) fn packets(file: &[u8]) -> Vec<Packet> {
    let (mut all, mut open, mut at, mut page) = (Vec::new(), Vec::new(), 0, 0);
    while at < file.len() {
        assert_eq!(&file[at..at + 4], b"OggS", "page {page}");
        let count = usize::from(file[at + 26]);
        let lacing = &file[at + 27..at + 27 + count];
        let mut body = at + 27 + count;
        let end = body + lacing.iter().map(|value| usize::from(*value)).sum::<usize>();
        let stored = u32::from_le_bytes(file[at + 22..at + 26].try_into().unwrap());
        assert_eq!(crc(&file[at..end]), stored, "CRC of page {page}");
        let number = u32::from_le_bytes(file[at + 18..at + 22].try_into().unwrap());
        assert_eq!(number as usize, page, "page number");
        for value in lacing {
            let size = usize::from(*value);
            open.extend_from_slice(&file[body..body + size]);
            body += size;
            if size < 255 {
                all.push(Packet { bytes: std::mem::take(&mut open), page });
            }
        }
        (at, page) = (end, page + 1);
    }
    assert!(open.is_empty(), "the last packet ends");
    all
}

/// The CRC of a page; its own field counts as zero.
pub(crate) fn crc(page: &[u8]) -> u32 {
    static TABLE: std::sync::OnceLock<[u32; 256]> = std::sync::OnceLock::new();
    let table = TABLE.get_or_init(|| {
        std::array::from_fn(|index| {
            (0..8).fold((index as u32) << 24, |crc, _| {
                (crc << 1) ^ if crc >> 31 == 1 { 0x04C1_1DB7 } else { 0 }
            })
        })
    });
    page.iter().enumerate().fold(0, |crc: u32, (at, byte)| {
        let byte = if (22..26).contains(&at) { 0 } else { *byte };
        (crc << 8) ^ table[(crc >> 24) as usize ^ usize::from(byte)]
    })
}

/// What stands in the header of a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PageHead {
    /// 2 for the first page, 4 for the last.
    pub(crate) kind: u8,
    pub(crate) granule: u64,
    pub(crate) number: u32,
}

/// Writes one page that holds whole packets.
pub(crate) fn page(head: PageHead, packets: &[&[u8]]) -> Vec<u8> {
    let mut lacing = Vec::new();
    for packet in packets {
        lacing.extend(std::iter::repeat_n(255, packet.len() / 255));
        lacing.push((packet.len() % 255) as u8);
    }
    let mut out = b"OggS\0".to_vec();
    out.push(head.kind);
    out.extend(head.granule.to_le_bytes());
    out.extend(*b"reel");
    out.extend(head.number.to_le_bytes());
    out.extend([0; 4]);
    out.push(u8::try_from(lacing.len()).expect("a page of 255 segments at most"));
    out.extend(lacing);
    out.extend(packets.iter().copied().flatten());
    let crc = crc(&out);
    out[22..26].copy_from_slice(&crc.to_le_bytes());
    out
}
