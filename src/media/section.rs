//! A stretch of a source, read as if it were a source of its own.

use std::io::{self, Read, Seek, SeekFrom};

use super::ReadSeek;

/// The bytes `[from, from + len)` of a source.
pub struct Section<'a> {
    source: &'a mut dyn ReadSeek,
    from: u64,
    len: u64,
    at: u64,
}

impl<'a> Section<'a> {
    /// Begins at the first byte of the stretch.
    pub fn new(source: &'a mut dyn ReadSeek, from: u64, len: u64) -> Self {
        Self { source, from, len, at: 0 }
    }
}

impl Read for Section<'_> {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        self.source.seek(SeekFrom::Start(self.from.saturating_add(self.at)))?;
        let left = self.len.saturating_sub(self.at);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(out.len());
        let got = self.source.read(out.get_mut(..wanted).unwrap_or_default())?;
        self.at = self.at.saturating_add(got as u64);
        Ok(got)
    }
}

impl Seek for Section<'_> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.len.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.at.checked_add_signed(delta),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}
