//! The way of sealed chunks from a worker thread to the store.

use std::io;

use tokio::sync::mpsc;

use super::SealedBody;
use crate::asset::{Digest, Hasher};
use crate::seal::SealedChunk;

/// Length of a stored segment that has a digest of its own, in bytes: a range of a sealed file is
/// verified by reading the segments it touches.
pub const SEGMENT_BYTES: u64 = 1024 * 1024;

/// The body at the other end is gone: the store failed, and says why itself.
#[derive(Debug, thiserror::Error)]
#[error("the store takes no more bytes")]
pub struct Closed;

/// The producer's end of a [`SealedBody`]; digests the segments of what goes through. Blocks while
/// the store is slower.
///
/// Dropping it ends the body. A producer that fails says so with [`Outlet::fail`] first, so that no
/// short object is ever taken for a whole one.
#[derive(Debug)]
pub struct Outlet {
    chunks: mpsc::Sender<io::Result<SealedChunk>>,
    current: Hasher,
    done: Vec<Digest>,
}

impl Outlet {
    /// Both ends of a channel that holds `chunks` chunks.
    pub fn channel(chunks: usize) -> (Self, SealedBody) {
        let (sender, receiver) = mpsc::channel(chunks);
        let outlet = Self { chunks: sender, current: Hasher::default(), done: Vec::new() };
        (outlet, SealedBody::new(receiver))
    }

    /// Sends a chunk.
    ///
    /// # Errors
    /// [`Closed`].
    pub fn send(&mut self, chunk: SealedChunk) -> Result<(), Closed> {
        if chunk.as_bytes().is_empty() {
            return Ok(());
        }
        self.digest(chunk.as_bytes());
        self.chunks.blocking_send(Ok(chunk)).map_err(|_| Closed)
    }

    /// Makes the upload fail.
    pub fn fail(&self, why: &'static str) {
        // The store may be gone already; then there is nobody to tell.
        let _ = self.chunks.blocking_send(Err(io::Error::other(why)));
    }

    /// Ends the body. The digests of its segments of [`SEGMENT_BYTES`]; at least one.
    pub fn finish(mut self) -> Vec<Digest> {
        if self.current.bytes() > 0 || self.done.is_empty() {
            self.done.push(self.current.finish());
        }
        self.done
    }

    fn digest(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = SEGMENT_BYTES.saturating_sub(self.current.bytes());
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            self.current.update(now);
            if self.current.bytes() == SEGMENT_BYTES {
                self.done.push(std::mem::take(&mut self.current).finish());
            }
            bytes = later;
        }
    }
}
