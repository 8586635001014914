//! A shorter file, read from the longer one.

use std::io::{self, Read, Seek, SeekFrom};
use std::ops::Range;

/// A stretch of the shorter file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Slice {
    /// Bytes of the source.
    Source(Range<u64>),
    /// Bytes of its own.
    Bytes(Vec<u8>),
    /// So many zeros.
    Zeros(u64),
}

impl Slice {
    fn len(&self) -> u64 {
        match self {
            Self::Source(range) => range.end.saturating_sub(range.start),
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::Zeros(len) => *len,
        }
    }
}

/// Of what a file consists that ends early.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cut {
    /// In order.
    slices: Vec<Slice>,
    /// Invariant: the sum of the slices.
    len: u64,
    /// Length of the source in bytes.
    source_len: u64,
}

impl Cut {
    pub(super) fn new(slices: Vec<Slice>, source_len: u64) -> Self {
        let slices: Vec<Slice> = slices.into_iter().filter(|slice| slice.len() > 0).collect();
        let len = slices.iter().fold(0_u64, |sum, slice| sum.saturating_add(slice.len()));
        Self { slices, len, source_len }
    }

    /// Length of the shorter file in bytes.
    pub const fn len(&self) -> u64 {
        self.len
    }

    /// Whether nothing is kept.
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// How many bytes fewer it has than its source.
    pub const fn dropped_bytes(&self) -> u64 {
        self.source_len.saturating_sub(self.len)
    }

    /// Its last stretch, with the length of it.
    pub(super) fn last_slice(&self) -> Option<(u64, Slice)> {
        self.slices.last().map(|slice| (slice.len(), slice.clone()))
    }

    /// Reads the shorter file.
    pub const fn reader<R>(self, source: R) -> CutReader<R> {
        CutReader { cut: self, source, at: 0 }
    }
}

/// The shorter file as a source.
pub struct CutReader<R> {
    cut: Cut,
    source: R,
    at: u64,
}

impl<R> CutReader<R> {
    /// Length in bytes.
    pub const fn len(&self) -> u64 {
        self.cut.len
    }

    /// Whether it has no bytes.
    pub const fn is_empty(&self) -> bool {
        self.cut.len == 0
    }
}

impl<R: Read + Seek> Read for CutReader<R> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let mut skip = self.at;
        for slice in &self.cut.slices {
            let len = slice.len();
            if skip >= len {
                skip -= len;
                continue;
            }
            let wanted = usize::try_from(len - skip).unwrap_or(usize::MAX).min(out.len());
            let out = out.get_mut(..wanted).unwrap_or_default();
            let got = match slice {
                Slice::Source(range) => {
                    self.source.seek(SeekFrom::Start(range.start.saturating_add(skip)))?;
                    let got = self.source.read(out)?;
                    if got == 0 && wanted > 0 {
                        return Err(io::ErrorKind::UnexpectedEof.into());
                    }
                    got
                }
                Slice::Zeros(_) => {
                    out.fill(0);
                    wanted
                }
                Slice::Bytes(bytes) => {
                    let from = usize::try_from(skip).unwrap_or(usize::MAX);
                    out.copy_from_slice(
                        bytes.get(from..).and_then(|rest| rest.get(..wanted)).unwrap_or_default(),
                    );
                    wanted
                }
            };
            self.at = self.at.saturating_add(got as u64);
            return Ok(got);
        }
        Ok(0)
    }
}

impl<R: Read + Seek> Seek for CutReader<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.cut.len.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.at.checked_add_signed(delta),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
