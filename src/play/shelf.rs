//! Segments of stored objects that were verified a moment ago.
//!
//! A segment is found by the SHA-256 that the record expects of it, so what is found is what was
//! stored, whichever object and whichever time it was read from; nothing here ever goes stale. Kept
//! are the bytes as the store has them: those of a sealed asset are ciphertext.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use crate::asset::Digest;

/// What an entry costs beside its bytes, about; many small segments must not hide their number.
const ENTRY_BYTES: u64 = 256;

/// The segments of this process, the ones longest unused given up first. Cheap to clone.
#[derive(Clone)]
pub struct Shelf {
    limit: u64,
    held: Arc<Mutex<Held>>,
}

#[derive(Default)]
struct Held {
    /// Each with the time of its last use.
    segments: HashMap<Digest, (u64, Bytes)>,
    /// By last use. Invariant: the same as in `segments`.
    used: BTreeMap<u64, Digest>,
    /// Counts uses: the clock of this shelf.
    now: u64,
    /// Invariant: the sum of what the segments cost, at most the limit between two calls.
    bytes: u64,
}

impl std::fmt::Debug for Shelf {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Shelf").field("limit", &self.limit).finish_non_exhaustive()
    }
}

impl Shelf {
    /// An empty one that holds at most `limit` bytes; with 0 it holds nothing.
    pub fn new(limit: u64) -> Self {
        Self { limit, held: Arc::default() }
    }

    /// The segment with this digest, if it is here.
    pub(super) fn find(&self, digest: &Digest) -> Option<Bytes> {
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        let Held { segments, used, now, .. } = &mut *held;
        let (last, segment) = segments.get_mut(digest)?;
        used.remove(last);
        *now = now.saturating_add(1);
        *last = *now;
        used.insert(*now, *digest);
        Some(segment.clone())
    }

    /// Keeps `segment`, whose digest was compared with `digest` by the caller.
    pub(super) fn put(&self, digest: Digest, segment: &Bytes) {
        let cost = cost(segment);
        if cost > self.limit {
            return;
        }
        let mut held = self.held.lock().unwrap_or_else(PoisonError::into_inner);
        held.remove(&digest);
        let room = self.limit.saturating_sub(cost);
        while held.bytes > room {
            let Some((_, oldest)) = held.used.first_key_value() else { break };
            let oldest = *oldest;
            held.remove(&oldest);
        }
        let now = held.now.saturating_add(1);
        held.now = now;
        held.used.insert(now, digest);
        held.segments.insert(digest, (now, segment.clone()));
        held.bytes = held.bytes.saturating_add(cost);
    }
}

impl Held {
    fn remove(&mut self, digest: &Digest) {
        if let Some((last, segment)) = self.segments.remove(digest) {
            self.used.remove(&last);
            self.bytes = self.bytes.saturating_sub(cost(&segment));
        }
    }
}

fn cost(segment: &Bytes) -> u64 {
    (segment.len() as u64).saturating_add(ENTRY_BYTES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn segment(number: u8) -> (Digest, Bytes) {
        let bytes = Bytes::from(vec![number; 1000]);
        (Digest::of(&bytes), bytes)
    }

    #[test]
    fn the_longest_unused_goes_first_and_the_limit_holds() {
        let shelf = Shelf::new(3 * 1256);
        for number in 0..3 {
            let (digest, bytes) = segment(number);
            shelf.put(digest, &bytes);
        }
        let found = |number| shelf.find(&segment(number).0).is_some();
        assert!(found(0));
        let (digest, bytes) = segment(3);
        shelf.put(digest, &bytes);
        // Putting the same again is one segment still.
        shelf.put(digest, &bytes);
        assert_eq!([0, 1, 2, 3].map(found), [true, false, true, true]);
        let held = shelf.held.lock().unwrap();
        assert_eq!((held.bytes, held.used.len(), held.segments.len()), (3 * 1256, 3, 3));
    }

    #[test]
    fn a_limit_of_nothing_keeps_nothing() {
        let (digest, bytes) = segment(1);
        for limit in [0, 1255] {
            let shelf = Shelf::new(limit);
            shelf.put(digest, &bytes);
            assert!(shelf.find(&digest).is_none());
        }
    }
}
