//! A body on its way to the server, and the watch over it.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::asset::Digest;
use crate::store::body::{BodyFault, ExactBody};

/// What became of a body, seen from outside the HTTP client that took it.
#[derive(Default)]
pub(super) struct Progress {
    /// Rises whenever the client asks for more.
    polls: AtomicU64,
    /// Whether the client has asked and the producer has nothing yet.
    starving: AtomicBool,
    outcome: Mutex<Option<Result<Digest, BodyFault>>>,
}

impl Progress {
    /// Takes the digest of the complete body, or why it broke off; `None` while it is on its way.
    pub(super) fn outcome(&self) -> Option<Result<Digest, BodyFault>> {
        self.outcome.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Ends when the server takes nothing and says nothing for one to two times `limit`. Waiting
    /// for the producer is not the server's silence, so a slow recorder does not end an upload.
    pub(super) async fn stalled(&self, limit: Duration) {
        let mut before = self.polls.load(Ordering::Relaxed);
        loop {
            tokio::time::sleep(limit).await;
            let now = self.polls.load(Ordering::Relaxed);
            if now == before && !self.starving.load(Ordering::Relaxed) {
                return;
            }
            before = now;
        }
    }

    fn settle(&self, outcome: Result<Digest, BodyFault>) {
        *self.outcome.lock().unwrap_or_else(PoisonError::into_inner) = Some(outcome);
    }
}

/// The body as the HTTP client reads it.
pub(super) struct Upload {
    body: ExactBody,
    /// Bytes not given yet; the client takes its `Content-Length` from here.
    left: u64,
    progress: Arc<Progress>,
}

impl Upload {
    /// Wraps a body of more than zero bytes: an empty one would never be asked for its end.
    pub(super) fn new(body: ExactBody, progress: Arc<Progress>) -> Self {
        let left = body.len();
        Self { body, left, progress }
    }
}

impl Body for Upload {
    type Data = Bytes;
    type Error = std::io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        self.progress.polls.fetch_add(1, Ordering::Relaxed);
        let polled = self.body.poll_next(context);
        self.progress.starving.store(polled.is_pending(), Ordering::Relaxed);
        polled.map(|next| match next {
            Ok(Some(chunk)) => {
                self.left = self.left.saturating_sub(chunk.len() as u64);
                if self.left == 0 {
                    self.progress.settle(Ok(self.body.digest()));
                }
                Some(Ok(Frame::data(chunk)))
            }
            Ok(None) => None,
            Err(fault) => {
                self.progress.settle(Err(fault));
                Some(Err(std::io::Error::other("the body broke off")))
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
