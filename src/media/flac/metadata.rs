//! The metadata blocks before the first frame, RFC 9639 section 8. Pictures and padding are
//! stepped over, not read.

use std::io::{ErrorKind, SeekFrom};
use std::ops::Range;

use super::{STREAMINFO_BYTES, StreamInfo};
use crate::media::sniff::id3v2_len;
use crate::media::{Measured, MediaError, ReadSeek};

/// Most ID3v2 tags in front.
const MAX_TAGS: u64 = 8;
/// Most metadata blocks; a block of 4 bytes would be repeated without end.
const MAX_BLOCKS: u64 = 1024;
/// Most fields of VORBIS_COMMENT.
const MAX_COMMENTS: u64 = 65_536;
/// Most points of a SEEKTABLE: 18 hours at one a second.
const MAX_SEEK_POINTS: u64 = 65_536;
/// How much of a comment is read to find its name.
const NAME_BYTES: u64 = 48;
/// Names of fields that tell how loud the sound is.
const GAINS: [&[u8]; 2] = [b"REPLAYGAIN_", b"R128_"];

/// Where things are in a native FLAC file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FlacLayout {
    /// What STREAMINFO says.
    pub info: StreamInfo,
    /// Offset of STREAMINFO's 34 bytes.
    pub info_at: u64,
    /// Offset of the first frame.
    pub frames_at: u64,
    /// First samples of the frames that the SEEKTABLE points to. Invariant: sorted.
    pub seek_samples: Vec<u64>,
    /// The values of comments that tell how loud the sound is. Invariant: none is empty.
    pub gains: Vec<Range<u64>>,
}

impl FlacLayout {
    /// Reads the metadata of a file of `bytes` bytes.
    ///
    /// # Errors
    /// Malformed, a limit, I/O; unsupported when the file comes through a pipe and its metadata is
    /// longer than what was seen of it.
    pub fn read(source: &mut dyn ReadSeek, bytes: u64) -> Result<Self, MediaError> {
        let mut blocks = Blocks { source, bytes, at: 0 };
        blocks.skip_tags()?;
        if blocks.take::<4>()? != *b"fLaC" {
            return Err(MediaError::malformed("the FLAC stream marker is missing", blocks.at - 4));
        }
        let head = blocks.head()?;
        let info_at = blocks.at;
        let block = blocks.take::<STREAMINFO_BYTES>()?;
        let first = head.kind == 0 && head.len == STREAMINFO_BYTES as u64;
        let info = StreamInfo::parse(&block).filter(|_| first);
        let info = info.ok_or_else(|| MediaError::malformed("a damaged STREAMINFO", info_at))?;
        let mut layout =
            Self { info, info_at, frames_at: 0, seek_samples: Vec::new(), gains: Vec::new() };
        let (mut last, mut count) = (head.last, 1);
        while !last {
            count += 1;
            MediaError::check("the number of metadata blocks", count, MAX_BLOCKS)?;
            let head = blocks.head()?;
            layout.block(&mut blocks, &head)?;
            last = head.last;
        }
        layout.frames_at = blocks.at;
        layout.seek_samples.sort_unstable();
        if layout.frames_at > bytes {
            return Err(MediaError::malformed("the file ends inside its metadata", bytes));
        }
        Ok(layout)
    }

    /// Reads a block after STREAMINFO.
    fn block(&mut self, blocks: &mut Blocks<'_>, head: &Head) -> Result<(), MediaError> {
        let end = blocks.at.saturating_add(head.len);
        match head.kind {
            3 => {
                let points = head.len / 18;
                MediaError::check("the number of seek points", points, MAX_SEEK_POINTS)?;
                for _ in 0..points {
                    let sample = u64::from_be_bytes(blocks.take()?);
                    blocks.at += 10;
                    self.seek_samples.extend(Some(sample).filter(|sample| *sample != u64::MAX));
                }
            }
            4 => self.comments(blocks, end)?,
            127 => return Err(MediaError::malformed("a metadata block of type 127", blocks.at)),
            _ => {}
        }
        blocks.at = end;
        Ok(())
    }

    /// VORBIS_COMMENT, section 8.6: little-endian lengths, the vendor first.
    fn comments(&mut self, blocks: &mut Blocks<'_>, end: u64) -> Result<(), MediaError> {
        let damaged = |at| MediaError::malformed("a damaged VORBIS_COMMENT", at);
        let vendor = u32::from_le_bytes(blocks.take()?);
        blocks.at = blocks.at.saturating_add(u64::from(vendor));
        let count = u64::from(u32::from_le_bytes(blocks.take()?));
        MediaError::check("the number of comments", count, MAX_COMMENTS)?;
        for _ in 0..count {
            let len = u64::from(u32::from_le_bytes(blocks.take()?));
            let from = blocks.at;
            let to = from.checked_add(len).filter(|to| *to <= end).ok_or_else(|| damaged(from))?;
            let mut name = vec![0; usize::try_from(len.min(NAME_BYTES)).unwrap_or(0)];
            blocks.fill(&mut name)?;
            let value = name.iter().position(|byte| *byte == b'=').map(|at| from + 1 + at as u64);
            name.make_ascii_uppercase();
            let loud = GAINS.iter().any(|gain| name.starts_with(gain));
            self.gains.extend(value.filter(|value| loud && *value < to).map(|value| value..to));
            blocks.at = to;
        }
        if blocks.at > end { Err(damaged(end)) } else { Ok(()) }
    }
}

/// The header of a metadata block.
struct Head {
    last: bool,
    kind: u8,
    len: u64,
}

/// Reads from wherever it was left off.
struct Blocks<'a> {
    source: &'a mut dyn ReadSeek,
    bytes: u64,
    at: u64,
}

impl Blocks<'_> {
    fn fill(&mut self, into: &mut [u8]) -> Result<(), MediaError> {
        self.source.seek(SeekFrom::Start(self.at))?;
        self.source.read_exact(into).map_err(|error| match error.kind() {
            ErrorKind::UnexpectedEof if self.bytes == Measured::OPEN_END => {
                MediaError::unsupported("FLAC metadata beyond the first bytes of a pipe")
            }
            ErrorKind::UnexpectedEof => {
                MediaError::malformed("the file ends inside its metadata", self.at)
            }
            _ => MediaError::Io(error),
        })?;
        self.at = self.at.saturating_add(into.len() as u64);
        Ok(())
    }

    fn take<const N: usize>(&mut self) -> Result<[u8; N], MediaError> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn head(&mut self) -> Result<Head, MediaError> {
        let [first, a, b, c] = self.take()?;
        let len = u64::from(u32::from_be_bytes([0, a, b, c]));
        Ok(Head { last: first & 0x80 != 0, kind: first & 0x7F, len })
    }

    fn skip_tags(&mut self) -> Result<(), MediaError> {
        for _ in 0..MAX_TAGS {
            let mut head = [0; 10];
            self.fill(&mut head)?;
            let len = id3v2_len(&head);
            self.at = self.at.saturating_sub(10).saturating_add(len);
            if len == 0 {
                return Ok(());
            }
        }
        let found = MAX_TAGS + 1;
        Err(MediaError::Limit { what: "the number of ID3 tags", limit: MAX_TAGS, found })
    }
}
