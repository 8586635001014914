//! What a recorder has recorded so far: its own disk. An upload follows it, from any offset.

use std::sync::{Mutex, PoisonError};

use bytes::Bytes;
use tokio::sync::watch;

use crate::asset::MediaTime;

/// Largest portion that an upload takes at once, in bytes.
const PORTION_BYTES: usize = 64 * 1024;

/// How far a tape is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Extent {
    /// Bytes on it.
    pub(super) bytes: usize,
    /// What they play.
    pub(super) media: MediaTime,
    /// Nothing more comes.
    pub(super) over: bool,
}

/// A file that grows.
pub(super) struct Tape {
    bytes: Mutex<Vec<u8>>,
    extent: watch::Sender<Extent>,
}

impl Tape {
    /// Begins with the headers of a file.
    pub(super) fn new(head: &[u8]) -> Self {
        let extent = Extent { bytes: head.len(), media: MediaTime::ZERO, over: false };
        Self { bytes: Mutex::new(head.to_vec()), extent: watch::Sender::new(extent) }
    }

    /// Adds a coded unit, which plays until `media`.
    pub(super) fn append(&self, unit: &[u8], media: MediaTime) {
        let mut bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        bytes.extend_from_slice(unit);
        let len = bytes.len();
        drop(bytes);
        self.extent.send_modify(|extent| (extent.bytes, extent.media) = (len, media));
    }

    /// Nothing more comes.
    pub(super) fn end(&self) {
        self.extent.send_modify(|extent| extent.over = true);
    }

    /// How far it is now.
    pub(super) fn extent(&self) -> Extent {
        *self.extent.borrow()
    }

    /// Tells of every change.
    pub(super) fn watch(&self) -> watch::Receiver<Extent> {
        self.extent.subscribe()
    }

    /// The next bytes after the first `offset`, as soon as there are some; `None` at the end.
    pub(super) async fn next(&self, offset: usize) -> Option<Bytes> {
        let mut changes = self.watch();
        let ready = |extent: &Extent| extent.bytes > offset || extent.over;
        // The sender is this tape: it is there for as long as anybody asks.
        changes.wait_for(ready).await.ok()?;
        let bytes = self.bytes.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = bytes.get(offset..).unwrap_or_default();
        let portion = rest.get(..rest.len().min(PORTION_BYTES)).unwrap_or_default();
        (!portion.is_empty()).then(|| Bytes::copy_from_slice(portion))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_follower_reads_what_is_there_and_then_what_comes() {
        let tape = Tape::new(b"head");
        assert_eq!(tape.next(0).await.unwrap(), "head");
        assert_eq!(tape.next(2).await.unwrap(), "ad");
        let (next, ()) = tokio::join!(tape.next(4), async {
            tape.append(b"unit", MediaTime::from_millis(20));
        });
        assert_eq!(next.unwrap(), "unit");
        tape.end();
        assert_eq!(tape.next(8).await, None);
        assert_eq!(tape.next(4).await.unwrap(), "unit");
        assert_eq!(tape.extent().media.as_millis(), 20);
    }
}
