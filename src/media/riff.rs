//! The chunks of a RIFF, RIFX, RF64 or BW64 file (EBU Tech 3306, ITU-R BS.2088).
//!
//! The size in the RIFF header is not used: writers that crash or stream leave it wrong, and the
//! chunks and the file's length say all there is to know.

use std::io::{Read, Seek, SeekFrom};

use super::MediaError;

/// Most chunks in one file. A file of empty chunks would otherwise keep the walk busy.
pub const MAX_CHUNKS: u64 = 4096;
/// Most entries of the size table in `ds64`.
const MAX_SIZE_ENTRIES: u32 = 256;
/// A 32-bit size that says "look in `ds64`", or "written as a stream".
const UNKNOWN_SIZE: u32 = u32::MAX;

/// Which byte of a number comes first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ByteOrder {
    /// The least significant: RIFF, RF64, BW64.
    Little,
    /// The most significant: RIFX.
    Big,
}

impl ByteOrder {
    /// The 16-bit number that `bytes` begins with; 0 when there are fewer.
    pub fn u16(self, bytes: &[u8]) -> u16 {
        let number = bytes.first_chunk().copied().unwrap_or_default();
        match self {
            Self::Little => u16::from_le_bytes(number),
            Self::Big => u16::from_be_bytes(number),
        }
    }

    /// The 32-bit number that `bytes` begins with; 0 when there are fewer.
    pub fn u32(self, bytes: &[u8]) -> u32 {
        let number = bytes.first_chunk().copied().unwrap_or_default();
        match self {
            Self::Little => u32::from_le_bytes(number),
            Self::Big => u32::from_be_bytes(number),
        }
    }
}

/// One chunk: where its payload lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chunk {
    /// The four characters.
    pub id: [u8; 4],
    /// First byte of the payload.
    pub offset: u64,
    /// Length of the payload without the padding byte.
    pub len: u64,
}

/// All chunks of a file.
#[derive(Debug)]
pub(super) struct RiffChunks {
    pub(super) byte_order: ByteOrder,
    /// RF64 or BW64: sizes may be in `ds64`.
    pub(super) long: bool,
    /// In file order; `data` is among them.
    pub(super) chunks: Vec<Chunk>,
    /// How many bytes after the last chunk are not a chunk.
    pub(super) trailer_len: u64,
}

/// The 64-bit sizes of `ds64`.
#[derive(Default)]
struct LongSizes {
    data: u64,
    table: Vec<([u8; 4], u64)>,
}

/// Walks the chunks of a file that is `total_len` bytes long.
///
/// A `data` size of 0 or 0xFFFFFFFF (and no length in `ds64`) means that the sound runs to the end
/// of the file. After `data`, what is not a whole chunk is counted as trailer.
///
/// # Errors
/// Malformed when a chunk before or at `data` is longer than the file, or the header is not RIFF.
pub(super) fn walk<R>(source: &mut R, total_len: u64) -> Result<RiffChunks, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let (byte_order, long) = read_header(source, total_len)?;
    let mut sizes = LongSizes::default();
    let mut found = RiffChunks { byte_order, long, chunks: Vec::new(), trailer_len: 0 };
    let mut at = 12_u64;
    let mut data_seen = false;
    while let Some(left) = total_len.checked_sub(at).filter(|left| *left > 0) {
        MediaError::check("the number of RIFF chunks", found.chunks.len() as u64 + 1, MAX_CHUNKS)?;
        let Some(room) = left.checked_sub(8) else {
            found.trailer_len = left;
            break;
        };
        let (id, size) = read_chunk_head(source, at, byte_order)?;
        let offset = total_len - room;
        let Some(len) = chunk_len(id, size, room, long.then_some(&sizes)) else {
            if data_seen {
                found.trailer_len = left;
                break;
            }
            let name = String::from_utf8_lossy(&id).into_owned();
            let what = format!("chunk {name:?} is longer than the file ({room} bytes are left)");
            return Err(MediaError::malformed(what, at));
        };
        if data_seen && !id.iter().all(|byte| (0x20..0x7F).contains(byte)) {
            found.trailer_len = left;
            break;
        }
        if long && &id == b"ds64" && found.chunks.is_empty() {
            sizes = read_long_sizes(source, offset, len)?;
        }
        data_seen |= &id == b"data";
        found.chunks.push(Chunk { id, offset, len });
        at = total_len - (room - len).saturating_sub(len & 1);
    }
    Ok(found)
}

/// Payload length that `id` really has, or `None` when the file is too short for it.
fn chunk_len(id: [u8; 4], size: u32, room: u64, long: Option<&LongSizes>) -> Option<u64> {
    let mut len = u64::from(size);
    if size == UNKNOWN_SIZE {
        let listed = long.and_then(|sizes| {
            let entry = sizes.table.iter().find(|entry| entry.0 == id).map(|entry| entry.1);
            if &id == b"data" { Some(sizes.data) } else { entry }
        });
        len = listed.unwrap_or(u64::from(UNKNOWN_SIZE));
        let streamed = listed.is_none_or(|listed| listed == 0 || listed == u64::MAX);
        if &id == b"data" && streamed {
            return Some(room);
        }
    }
    if &id == b"data" && len == 0 {
        return Some(room);
    }
    (len <= room).then_some(len)
}

/// Checks the first twelve bytes; true for the forms with 64-bit sizes.
fn read_header<R>(source: &mut R, total_len: u64) -> Result<(ByteOrder, bool), MediaError>
where
    R: Read + Seek + ?Sized,
{
    if total_len == 0 {
        return Err(MediaError::malformed("the file is empty", 0));
    }
    if total_len < 12 {
        return Err(MediaError::malformed("the file ends inside the RIFF header", total_len));
    }
    let mut head = [0; 12];
    read_at(source, 0, &mut head)?;
    let form = match &head[..4] {
        b"RIFF" => (ByteOrder::Little, false),
        b"RIFX" => (ByteOrder::Big, false),
        b"RF64" | b"BW64" => (ByteOrder::Little, true),
        _ => return Err(MediaError::malformed("no RIFF, RF64 or BW64 header", 0)),
    };
    if !head.ends_with(b"WAVE") {
        return Err(MediaError::malformed("the RIFF form is not WAVE", 8));
    }
    Ok(form)
}

fn read_chunk_head<R>(
    source: &mut R,
    at: u64,
    order: ByteOrder,
) -> Result<([u8; 4], u32), MediaError>
where
    R: Read + Seek + ?Sized,
{
    let mut head = [0; 8];
    read_at(source, at, &mut head)?;
    let [a, b, c, d, size @ ..] = head;
    Ok(([a, b, c, d], order.u32(&size)))
}

/// `ds64`: riff size 8, data size 8, sample count 8, table length 4, then entries of id and size.
fn read_long_sizes<R>(source: &mut R, offset: u64, len: u64) -> Result<LongSizes, MediaError>
where
    R: Read + Seek + ?Sized,
{
    let short = || MediaError::malformed("the ds64 chunk is shorter than its table", offset);
    let rest = len.checked_sub(28).ok_or_else(short)?;
    let mut fixed = [0; 28];
    read_at(source, offset, &mut fixed)?;
    let data = le_u64(fixed.get(8..16)).ok_or_else(short)?;
    let count = fixed.last_chunk::<4>().map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let limit = u64::from(MAX_SIZE_ENTRIES);
    MediaError::check("the number of ds64 table entries", u64::from(count), limit)?;
    if u64::from(count) * 12 > rest {
        return Err(short());
    }
    let mut table = Vec::new();
    for _ in 0..count {
        // The source stands behind the fixed part, so entries follow one another.
        let mut entry = [0; 12];
        source.read_exact(&mut entry)?;
        let [a, b, c, d, size @ ..] = entry;
        table.push(([a, b, c, d], u64::from_le_bytes(size)));
    }
    Ok(LongSizes { data, table })
}

fn le_u64(bytes: Option<&[u8]>) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes?.first_chunk()?))
}

/// Fills `out` from `offset`. A source shorter than announced is malformed at `offset`.
pub(super) fn read_at<R>(source: &mut R, offset: u64, out: &mut [u8]) -> Result<(), MediaError>
where
    R: Read + Seek + ?Sized,
{
    source.seek(SeekFrom::Start(offset))?;
    source.read_exact(out).map_err(|error| match error.kind() {
        std::io::ErrorKind::UnexpectedEof => {
            MediaError::malformed("the file is shorter than announced", offset)
        }
        _ => MediaError::Io(error),
    })
}
