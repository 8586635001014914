//! An asset as a file that blocks, for code that reads like from a disk.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::runtime::Handle;

use super::Playable;
use crate::media::MediaSource;

/// Bytes on their way from the store.
type Coming = BoxStream<'static, io::Result<Bytes>>;

/// Reads the clear bytes of an asset, verified, from any place. For threads that may block; dropping
/// it ends what it was reading.
pub struct AssetReader {
    playable: Playable,
    runtime: Handle,
    at: u64,
    rest: Bytes,
    /// The stream that goes on where `rest` ends. Only ever used by its owner: the lock is what
    /// lets a reader be shared between threads.
    coming: Mutex<Option<Coming>>,
}

impl std::fmt::Debug for AssetReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AssetReader").field("at", &self.at).finish_non_exhaustive()
    }
}

impl AssetReader {
    /// From the first byte on.
    pub fn new(playable: Playable, runtime: Handle) -> Self {
        Self { playable, runtime, at: 0, rest: Bytes::new(), coming: Mutex::new(None) }
    }

    fn len(&self) -> u64 {
        self.playable.outcome.bytes
    }

    fn fill(&mut self) -> io::Result<()> {
        let (at, len) = (self.at, self.len());
        let coming = self.coming.get_mut().unwrap_or_else(PoisonError::into_inner);
        let stream = coming.get_or_insert_with(|| self.playable.bytes(at, len));
        while self.rest.is_empty() {
            match self.runtime.block_on(stream.next()) {
                Some(chunk) => self.rest = chunk?,
                None => return Err(io::ErrorKind::UnexpectedEof.into()),
            }
        }
        Ok(())
    }
}

impl Read for AssetReader {
    fn read(&mut self, out: &mut [u8]) -> io::Result<usize> {
        if self.at >= self.len() || out.is_empty() {
            return Ok(0);
        }
        if self.rest.is_empty() {
            self.fill()?;
        }
        let count = self.rest.len().min(out.len());
        let bytes = self.rest.split_to(count);
        if let Some(target) = out.get_mut(..count) {
            target.copy_from_slice(&bytes);
        }
        self.at = self.at.saturating_add(count as u64);
        Ok(count)
    }
}

impl Seek for AssetReader {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let place = match to {
            SeekFrom::Start(place) => Some(place),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
            SeekFrom::End(by) => self.len().checked_add_signed(by),
        };
        let place = place.ok_or_else(|| io::Error::from(io::ErrorKind::InvalidInput))?;
        let ahead = place.checked_sub(self.at).and_then(|ahead| usize::try_from(ahead).ok());
        match ahead.filter(|ahead| *ahead <= self.rest.len()) {
            Some(ahead) => drop(self.rest.split_to(ahead)),
            None => {
                self.rest.clear();
                *self.coming.get_mut().unwrap_or_else(PoisonError::into_inner) = None;
            }
        }
        self.at = place;
        Ok(place)
    }
}

impl MediaSource for AssetReader {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len())
    }
}
