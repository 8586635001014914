//! The interface that every backend and layer keeps.

use std::ops::Range;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::Timestamp;

use super::{Folder, ObjectKey, Part, SealedBody, StoreError};
use crate::asset::{Digest, Hasher};
use crate::seal::SealedChunk;

/// What a caller may rely on. Callers choose by these, never by the name of a backend.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Properties {
    /// A name holds either the whole object or nothing, whenever it is looked at.
    pub atomic_commit: bool,
    /// Reading a range costs about the range, not the object.
    pub range_reads: bool,
    /// Objects outlive the process.
    pub durable: bool,
}

/// What a commit does when the final name is taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum IfExists {
    /// Fail with [`StoreError::AlreadyExists`] and leave it.
    Refuse,
    /// Take its place.
    Replace,
}

/// A complete temporary object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Staged {
    /// The attempt that wrote it.
    pub part: Part,
    /// What was sent.
    pub content: Content,
}

/// The length and digest of some bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Content {
    /// Length in bytes.
    pub len: u64,
    /// SHA-256.
    pub digest: Digest,
}

impl Content {
    /// Reads `stream` to its end.
    pub(super) async fn of(mut stream: ByteStream) -> Result<Self, StoreError> {
        let mut hasher = Hasher::default();
        while let Some(chunk) = stream.next().await {
            hasher.update(&chunk?);
        }
        Ok(Self { len: hasher.bytes(), digest: hasher.finish() })
    }

    /// Refuses `found` unless it is the same.
    pub(super) fn expect(&self, found: &Self, name: &str) -> Result<(), StoreError> {
        let name = name.to_owned();
        if found.len != self.len {
            return Err(StoreError::LengthMismatch { name, expected: self.len, found: found.len });
        }
        if found.digest != self.digest {
            let (expected, found) = (self.digest, found.digest);
            return Err(StoreError::DigestMismatch { name, expected, found });
        }
        Ok(())
    }
}

/// What a store says about an object.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectMeta {
    /// Length in bytes.
    pub len: u64,
    /// The backend's version mark, as it was sent.
    pub etag: Option<String>,
    /// Last change, by the backend's clock.
    pub modified: Option<Timestamp>,
}

/// One folder, without what lies deeper. Names that break the rules of a key are left out.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Listing {
    /// The folders in it, sorted.
    pub folders: Vec<Folder>,
    /// The objects in it, sorted by key.
    pub objects: Vec<(ObjectKey, ObjectMeta)>,
    /// Attempts that were neither committed nor aborted, as far as the backend shows them: nginx
    /// hides names that begin with a dot (1.22). The catalogue is the full list.
    pub parts: Vec<Part>,
}

/// The bytes of an object. An end before the promised length is an error item, never a quiet end.
pub type ByteStream = BoxStream<'static, Result<Bytes, StoreError>>;

/// A place for objects.
///
/// # Writing
/// `stage`, then `commit`. Until the commit nothing is visible under the key; after it the whole
/// verified object is. Whoever stages must `commit` or `abort`. A commit that fails with a
/// transient error may have happened: ask `head` before anything else.
///
/// # Idempotence
/// Everything but `upload` and `commit` may be repeated at will.
#[async_trait]
pub trait Store: Send + Sync {
    /// What a caller may rely on.
    fn properties(&self) -> Properties;

    /// The absolute address of `key`, percent-encoded, without credentials.
    fn url(&self, key: &ObjectKey) -> String;

    /// Makes the folders of `key`. Those that are there already, or appear meanwhile, are fine.
    async fn prepare(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Writes `body` as the temporary object `part`; the folders must be there. On failure the
    /// temporary object may be left, in part: `abort` removes it.
    async fn upload(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError>;

    /// Compares the temporary object with what was sent, as thoroughly as the settings say.
    async fn verify(&self, staged: &Staged) -> Result<(), StoreError>;

    /// Gives a staged object its final name.
    async fn commit(&self, staged: &Staged, existing: IfExists) -> Result<(), StoreError>;

    /// Removes the temporary object; one that is not there is fine.
    ///
    /// A server may still hold a request that broke off and write what it has of it afterwards.
    /// That is never under a final name; a later sweep removes it.
    async fn abort(&self, part: &Part) -> Result<(), StoreError>;

    /// Asks about an object; `None` if there is none.
    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError>;

    /// Reads an object, or the part of `range` that lies in it. A range that begins at or after
    /// the end is [`StoreError::Range`]; an empty range gives nothing.
    async fn read(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError>;

    /// Removes an object; one that is not there is fine.
    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError>;

    /// Lists one folder; one that is not there is empty.
    async fn list(&self, folder: &Folder) -> Result<Listing, StoreError>;

    /// Reads an object to its end and says what it holds.
    async fn digest(&self, key: &ObjectKey) -> Result<Content, StoreError> {
        Content::of(self.read(key, None).await?).await
    }

    /// Prepares, uploads and verifies: all that comes before a commit.
    async fn stage(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError> {
        self.prepare(part.key()).await?;
        let staged = self.upload(part, len, body).await?;
        self.verify(&staged).await?;
        Ok(staged)
    }

    /// Stages and commits an object that is one chunk, and cleans up after a failure.
    async fn put_small(
        &self,
        part: &Part,
        chunk: &SealedChunk,
        existing: IfExists,
    ) -> Result<(), StoreError> {
        let len = chunk.as_bytes().len() as u64;
        let outcome = match self.stage(part, len, SealedBody::once(chunk)).await {
            Ok(staged) => self.commit(&staged, existing).await,
            Err(error) => Err(error),
        };
        if outcome.is_err() {
            // The first error is the one to report; what is left is found again by listing.
            let _ = self.abort(part).await;
        }
        outcome
    }
}
