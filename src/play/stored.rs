//! The stored bytes of one object, given out only after the segment that holds them was verified.
//!
//! # Memory
//! For each listener whose segments are not on the [`Shelf`]: [`AHEAD`] + 2 segments of 1 MiB. For
//! one whose segments are: nothing, they are shared.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::StreamExt as _;
use tokio::sync::mpsc;

use super::{PlayError, Shelf};
use crate::asset::{Digest, StoredObject};
use crate::store::{ByteStream, ObjectKey, Store};

/// Verified segments that wait for the listener.
const AHEAD: usize = 2;

/// One object of the store. Cheap to clone.
#[derive(Clone)]
pub(super) struct Stored {
    pub(super) store: Arc<dyn Store>,
    pub(super) key: ObjectKey,
    /// Its length in bytes.
    bytes: u64,
    /// Invariant: above 0.
    segment_bytes: u64,
    segments: Arc<[Digest]>,
    pub(super) shelf: Shelf,
}

impl Stored {
    pub(super) fn new(
        store: Arc<dyn Store>,
        key: ObjectKey,
        object: &StoredObject,
        segments: Arc<[Digest]>,
        shelf: Shelf,
    ) -> Self {
        let segment_bytes = object.segment_bytes.max(1);
        Self { store, key, bytes: object.bytes, segment_bytes, segments, shelf }
    }

    /// Reads the stored bytes `wanted`.
    pub(super) fn read(&self, wanted: Range<u64>) -> Reading {
        Reading { stored: self.clone(), wanted, coming: None }
    }

    /// The bytes of the object that segment `number` holds.
    fn place(&self, number: u64) -> Range<u64> {
        let start = number.saturating_mul(self.segment_bytes).min(self.bytes);
        start..start.saturating_add(self.segment_bytes).min(self.bytes)
    }

    fn expected(&self, segment: u64) -> Result<Digest, PlayError> {
        let number = usize::try_from(segment).ok();
        let digest = number.and_then(|number| self.segments.get(number));
        digest.copied().ok_or(PlayError::Tampered { segment })
    }

    /// Reads segments from the store, from number `first` on, until `end` bytes of the object are
    /// known, and verifies them, beside the listener.
    fn fetch(&self, first: u64, end: u64) -> mpsc::Receiver<Result<Bytes, PlayError>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let stored = self.clone();
        tokio::spawn(async move {
            let begin = stored.place(first).start;
            let last = stored.place(end.saturating_sub(1) / stored.segment_bytes).end;
            let stream = match stored.store.read(&stored.key, Some(begin..last)).await {
                Ok(stream) => stream,
                // The listener may be gone, here and below.
                Err(error) => return drop(sender.send(Err(error.into())).await),
            };
            let mut source = Source { stream, rest: Bytes::new() };
            for number in first.. {
                let place = stored.place(number);
                if place.start >= last {
                    return;
                }
                let segment = stored.verified(&mut source, number, place).await;
                let failed = segment.is_err();
                if sender.send(segment).await.is_err() || failed {
                    return;
                }
            }
        });
        receiver
    }

    async fn verified(
        &self,
        source: &mut Source,
        number: u64,
        place: Range<u64>,
    ) -> Result<Bytes, PlayError> {
        let tampered = || PlayError::Tampered { segment: number };
        let expected = self.expected(number)?;
        let length = usize::try_from(place.end.saturating_sub(place.start));
        let segment = source.take(length.map_err(|_| tampered())?).await?;
        // Half a millisecond for a segment: not on a thread that serves others.
        let hashed = segment.clone();
        let digest = tokio::task::spawn_blocking(move || Digest::of(&hashed)).await;
        if segment.is_empty() || digest.ok() != Some(expected) {
            return Err(tampered());
        }
        self.shelf.put(expected, &segment);
        Ok(segment)
    }
}

/// What the store sends.
struct Source {
    stream: ByteStream,
    rest: Bytes,
}

impl Source {
    /// The next `length` bytes, or as many as there are.
    async fn take(&mut self, length: usize) -> Result<Bytes, PlayError> {
        let mut segment = Vec::with_capacity(length);
        while segment.len() < length {
            if self.rest.is_empty() {
                match self.stream.next().await {
                    Some(chunk) => self.rest = chunk?,
                    None => break,
                }
            }
            let count = length.saturating_sub(segment.len()).min(self.rest.len());
            segment.extend_from_slice(&self.rest.split_to(count));
        }
        Ok(segment.into())
    }
}

/// A stretch of an object on its way.
pub(super) struct Reading {
    stored: Stored,
    /// What was not given out yet.
    wanted: Range<u64>,
    /// From the store, once a segment was not on the shelf: a store is asked once for all the rest.
    coming: Option<mpsc::Receiver<Result<Bytes, PlayError>>>,
}

impl Reading {
    /// The next wanted bytes, at most a segment; `None` at the end.
    ///
    /// # Errors
    /// [`PlayError::Store`], and [`PlayError::Tampered`].
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, PlayError> {
        if self.wanted.is_empty() {
            return Ok(None);
        }
        let number = self.wanted.start / self.stored.segment_bytes;
        let segment = self.segment(number).await?;
        let place = self.stored.place(number);
        let end = self.wanted.end.min(place.end);
        let offset = |at: u64| usize::try_from(at.saturating_sub(place.start)).ok();
        let span = offset(self.wanted.start).zip(offset(end));
        let Some((from, to)) = span.filter(|(from, to)| from < to && *to <= segment.len()) else {
            return Err(PlayError::Tampered { segment: number });
        };
        self.wanted.start = end;
        Ok(Some(segment.slice(from..to)))
    }

    async fn segment(&mut self, number: u64) -> Result<Bytes, PlayError> {
        if self.coming.is_none()
            && let Some(segment) = self.stored.shelf.find(&self.stored.expected(number)?)
        {
            return Ok(segment);
        }
        let (stored, end) = (&self.stored, self.wanted.end);
        let coming = self.coming.get_or_insert_with(|| stored.fetch(number, end));
        let segment = coming.recv().await;
        segment.unwrap_or(Err(PlayError::Tampered { segment: number }))
    }
}
