//! The bytes of an object on their way in, held to the declared length.

use std::future::poll_fn;
use std::io;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::{ByteStream, StoreError};
use crate::asset::{Digest, Hasher};
use crate::seal::SealedChunk;

/// What a store takes: the chunks of a sealed file, from a bounded channel.
///
/// The channel closing is the end. An error in the channel, or an end before or after the declared
/// length, makes the upload fail without a stored object.
pub struct SealedBody {
    first: Option<Bytes>,
    chunks: Chunks,
}

/// Where chunks come from.
enum Chunks {
    /// A sealer.
    Sealer(mpsc::Receiver<io::Result<SealedChunk>>),
    /// A store, which took sealed bytes only.
    Store(mpsc::Receiver<io::Result<Bytes>>),
}

/// Chunks on their way from one store to another.
const COPIED_CHUNKS: usize = 4;

impl SealedBody {
    /// A body that ends when all senders of `chunks` are gone.
    pub const fn new(chunks: mpsc::Receiver<io::Result<SealedChunk>>) -> Self {
        Self { first: None, chunks: Chunks::Sealer(chunks) }
    }

    /// A small body that is known already.
    pub(super) fn once(chunk: &SealedChunk) -> Self {
        let (_, chunks) = mpsc::channel(1);
        let first = Some(Bytes::copy_from_slice(chunk.as_bytes()));
        Self { first, chunks: Chunks::Sealer(chunks) }
    }

    /// What another store gives.
    pub fn of_stored(mut stream: ByteStream) -> Self {
        let (sender, chunks) = mpsc::channel(COPIED_CHUNKS);
        tokio::spawn(async move {
            while let Some(chunk) = stream.next().await {
                // The other side is gone when it failed; then nobody needs the rest.
                if sender.send(chunk.map_err(io::Error::other)).await.is_err() {
                    return;
                }
            }
        });
        Self { first: None, chunks: Chunks::Store(chunks) }
    }

    /// Holds the body to `len` bytes.
    pub(super) fn exactly(self, len: u64) -> ExactBody {
        ExactBody { body: self, len, seen: Hasher::default(), last: None }
    }

    fn poll_next(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(first) = self.first.take() {
            return Poll::Ready(Some(Ok(first)));
        }
        match &mut self.chunks {
            Chunks::Sealer(chunks) => {
                let next = ready!(chunks.poll_recv(context));
                Poll::Ready(next.map(|chunk| chunk.map(SealedChunk::into_bytes)))
            }
            Chunks::Store(chunks) => chunks.poll_recv(context),
        }
    }
}

/// Why a body was not taken.
#[derive(Debug)]
pub(super) enum BodyFault {
    /// The producer said so.
    Producer(io::Error),
    /// It ended early or went on.
    Length {
        /// Bytes declared.
        expected: u64,
        /// Bytes seen until the fault.
        found: u64,
    },
}

impl BodyFault {
    /// The fault as the caller sees it.
    pub(super) fn of(self, name: &str) -> StoreError {
        let name = name.to_owned();
        match self {
            Self::Producer(source) => StoreError::Body { name, source },
            Self::Length { expected, found } => {
                StoreError::LengthMismatch { name, expected, found }
            }
        }
    }
}

/// A body that gives exactly the declared number of bytes, or fails.
///
/// The chunk that completes the length is held back until the channel is closed: a receiver that
/// counts bytes never sees a complete body whose producer failed or had more to say.
pub(super) struct ExactBody {
    body: SealedBody,
    len: u64,
    seen: Hasher,
    last: Option<Bytes>,
}

impl ExactBody {
    /// The next chunk; `None` after the last.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, BodyFault> {
        poll_fn(|context| self.poll_next(context)).await
    }

    /// [`ExactBody::next`] for a caller that polls.
    pub(super) fn poll_next(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Result<Option<Bytes>, BodyFault>> {
        loop {
            let chunk = match ready!(self.body.poll_next(context)) {
                Some(Ok(chunk)) if chunk.is_empty() => continue,
                Some(Ok(chunk)) => chunk,
                Some(Err(error)) => return Poll::Ready(Err(BodyFault::Producer(error))),
                None if self.seen.bytes() < self.len => {
                    return Poll::Ready(Err(self.wrong_length()));
                }
                None => return Poll::Ready(Ok(self.last.take())),
            };
            self.seen.update(&chunk);
            if self.seen.bytes() > self.len {
                return Poll::Ready(Err(self.wrong_length()));
            }
            if self.seen.bytes() < self.len {
                return Poll::Ready(Ok(Some(chunk)));
            }
            self.last = Some(chunk);
        }
    }

    /// The declared length.
    pub(super) const fn len(&self) -> u64 {
        self.len
    }

    /// The digest of everything given so far.
    pub(super) fn digest(&self) -> Digest {
        self.seen.clone().finish()
    }

    const fn wrong_length(&self) -> BodyFault {
        BodyFault::Length { expected: self.len, found: self.seen.bytes() }
    }
}
