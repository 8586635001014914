//! A store that forgets: for tests.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use futures_util::stream;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use crate::store::{
    ByteStream, Content, Folder, IfExists, Listing, ObjectKey, ObjectMeta, Operation, Part,
    Properties, SealedBody, Staged, Store, StoreError,
};

/// Objects in a map, under their clear paths; temporary ones too.
#[derive(Default)]
pub struct Memory {
    objects: Mutex<BTreeMap<String, Bytes>>,
}

impl Memory {
    fn objects(&self) -> MutexGuard<'_, BTreeMap<String, Bytes>> {
        self.objects.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn get(&self, operation: Operation, name: &str) -> Result<Bytes, StoreError> {
        let found = self.objects().get(name).cloned();
        found.ok_or_else(|| StoreError::NotFound { operation, name: name.to_owned() })
    }
}

fn meta(bytes: &Bytes) -> ObjectMeta {
    ObjectMeta { len: bytes.len() as u64, etag: None, modified: None }
}

/// The part of `range` that lies in `bytes`; `None` if it begins after them.
fn cut(bytes: &Bytes, range: &Range<u64>) -> Option<Bytes> {
    if range.is_empty() {
        return Some(Bytes::new());
    }
    let from = usize::try_from(range.start).ok().filter(|from| *from < bytes.len())?;
    let to = usize::try_from(range.end).unwrap_or(usize::MAX).min(bytes.len());
    Some(bytes.slice(from..to))
}

#[async_trait]
impl Store for Memory {
    fn properties(&self) -> Properties {
        Properties { atomic_commit: true, range_reads: true, durable: false }
    }

    fn url(&self, key: &ObjectKey) -> String {
        format!("memory:{}", utf8_percent_encode(key.as_str(), NON_ALPHANUMERIC))
    }

    async fn prepare(&self, _key: &ObjectKey) -> Result<(), StoreError> {
        Ok(())
    }

    async fn upload(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError> {
        let path = part.path();
        let mut body = body.exactly(len);
        let mut bytes = BytesMut::new();
        while let Some(chunk) = body.next().await.map_err(|fault| fault.of(&path))? {
            bytes.extend_from_slice(&chunk);
        }
        self.objects().insert(path, bytes.freeze());
        Ok(Staged { part: part.clone(), content: Content { len, digest: body.digest() } })
    }

    async fn verify(&self, staged: &Staged) -> Result<(), StoreError> {
        self.get(Operation::Verify, &staged.part.path()).map(drop)
    }

    async fn commit(&self, staged: &Staged, existing: IfExists) -> Result<(), StoreError> {
        let (path, name) = (staged.part.path(), staged.part.key().to_string());
        let mut objects = self.objects();
        if existing == IfExists::Refuse && objects.contains_key(&name) {
            return Err(StoreError::AlreadyExists { name });
        }
        let Some(bytes) = objects.remove(&path) else {
            return Err(StoreError::NotFound { operation: Operation::Commit, name: path });
        };
        objects.insert(name, bytes);
        Ok(())
    }

    async fn abort(&self, part: &Part) -> Result<(), StoreError> {
        self.objects().remove(&part.path());
        Ok(())
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        Ok(self.objects().get(key.as_str()).map(meta))
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        let bytes = self.get(Operation::Read, key.as_str())?;
        let found = match range {
            None => bytes,
            Some(Range { start: from, end: to }) => cut(&bytes, &(from..to))
                .ok_or_else(|| StoreError::Range { name: key.to_string(), from, to })?,
        };
        Ok(stream::iter([Ok(found)]).boxed())
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.objects().remove(key.as_str());
        Ok(())
    }

    async fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let above = if folder.as_str().is_empty() { String::new() } else { folder.to_string() };
        let mut listing = Listing::default();
        for (path, bytes) in self.objects().iter() {
            let Some(rest) = path.strip_prefix(&above) else { continue };
            if let Some((name, _)) = rest.split_once('/') {
                listing.folders.extend(folder.child(name).ok());
            } else if let Some(part) = folder.part(rest) {
                listing.parts.push(part);
            } else if let Ok(key) = folder.object(rest) {
                listing.objects.push((key, meta(bytes)));
            }
        }
        listing.folders.sort();
        listing.folders.dedup();
        Ok(listing)
    }
}
