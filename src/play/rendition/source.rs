//! One seekable file, read at several places at a time.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use super::SourceFile;
use crate::media::{Container, MediaError, MediaSource};

/// How much is read ahead.
const WINDOW_BYTES: usize = 64 * 1024;
/// Longest coded unit: a picture of a screen without any loss stays below.
pub(super) const MAX_UNIT_BYTES: u64 = 64 * 1024 * 1024;

/// A file, or a stretch of one. Its readers share what is beneath.
#[derive(Clone)]
pub(super) struct Source {
    shared: Arc<Mutex<Box<dyn MediaSource>>>,
    /// First byte of the stretch in the file.
    pub(super) base: u64,
    /// Length of the stretch in bytes.
    pub(super) bytes: u64,
    /// The container, from its bytes.
    pub(super) container: Container,
}

impl Source {
    pub(super) fn new(file: SourceFile) -> Self {
        let SourceFile { reader, bytes, container } = file;
        Self { shared: Arc::new(Mutex::new(reader)), base: 0, bytes, container }
    }

    /// A part of it that holds a file of another container.
    pub(super) fn section(&self, from: u64, len: u64, container: Container) -> Self {
        let base = self.base.saturating_add(from);
        Self { shared: Arc::clone(&self.shared), base, bytes: len, container }
    }

    /// A reader with a place of its own, at the first byte.
    pub(super) fn reader(&self) -> Reader {
        Reader { source: self.clone(), at: 0, window: Vec::new(), window_at: 0 }
    }

    fn fill(&self, at: u64, out: &mut [u8]) -> io::Result<usize> {
        let mut reader = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        reader.seek(SeekFrom::Start(self.base.saturating_add(at)))?;
        let mut done = 0;
        while let Some(rest) = out.get_mut(done..).filter(|rest| !rest.is_empty()) {
            match reader.read(rest) {
                Ok(0) => break,
                Ok(got) => done += got,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }
}

/// Reads a [`Source`] through a window of its own.
pub(super) struct Reader {
    source: Source,
    at: u64,
    window: Vec<u8>,
    window_at: u64,
}

impl Reader {
    /// Appends `len` bytes from `at` on.
    ///
    /// # Errors
    /// Malformed when the file ends before them, a limit when they are too many.
    pub(super) fn append(
        &mut self,
        at: u64,
        len: u32,
        out: &mut Vec<u8>,
    ) -> Result<(), MediaError> {
        MediaError::check("the length of a coded unit", u64::from(len), MAX_UNIT_BYTES)?;
        let outside = || MediaError::malformed("a coded unit reaches beyond the file", at);
        let end = at.checked_add(u64::from(len)).filter(|end| *end <= self.source.bytes);
        end.ok_or_else(outside)?;
        self.at = at;
        let got = Read::take(&mut *self, u64::from(len)).read_to_end(out)?;
        if got as u64 == u64::from(len) { Ok(()) } else { Err(outside()) }
    }
}

impl Read for Reader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.source.bytes.saturating_sub(self.at)).unwrap_or(usize::MAX);
        let wanted = out.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let inside = |at: u64, from: u64, len: usize| {
            at.checked_sub(from).and_then(|skip| usize::try_from(skip).ok()).filter(|at| *at < len)
        };
        let mut skip = inside(self.at, self.window_at, self.window.len());
        if skip.is_none() {
            self.window.resize(WINDOW_BYTES.min(left), 0);
            let got = self.source.fill(self.at, &mut self.window)?;
            self.window.truncate(got);
            self.window_at = self.at;
            skip = Some(0);
        }
        let rest = self.window.get(skip.unwrap_or(0)..).unwrap_or_default();
        let count = rest.len().min(wanted);
        if let (Some(target), Some(bytes)) = (out.get_mut(..count), rest.get(..count)) {
            target.copy_from_slice(bytes);
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for Reader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(delta) => self.source.bytes.checked_add_signed(delta),
            SeekFrom::Current(delta) => self.at.checked_add_signed(delta),
        };
        self.at = target.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        Ok(self.at)
    }
}

impl MediaSource for Reader {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.source.bytes)
    }
}
