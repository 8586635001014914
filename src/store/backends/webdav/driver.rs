//! The [`Store`] contract in WebDAV methods.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::StreamExt as _;
use futures_util::stream;
use http::{Method, StatusCode};
use reqwest::{Body, Response};

use super::client::{Call, WebDav, extension, text};
use super::multistatus::{Entry, http_date};
use super::read::window;
use super::upload::{Progress, Upload};
use crate::asset::Digest;
use crate::store::body::ExactBody;
use crate::store::{
    ByteStream, Content, Folder, IfExists, Listing, ObjectKey, ObjectMeta, Operation, Part,
    Properties, SealedBody, Staged, Store, StoreError, Verify,
};

#[async_trait]
impl Store for WebDav {
    fn properties(&self) -> Properties {
        Properties { atomic_commit: true, range_reads: true, durable: true }
    }

    fn url(&self, key: &ObjectKey) -> String {
        self.absolute(&self.encode(key.as_str()))
    }

    async fn prepare(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.make_folders(key).await
    }

    async fn upload(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError> {
        let name = part.path();
        let path = self.encode(&name);
        let call = Call { operation: Operation::Upload, name: &name, path: &path };
        let digest = self.put(call, body.exactly(len)).await?;
        Ok(Staged { part: part.clone(), content: Content { len, digest } })
    }

    async fn verify(&self, staged: &Staged) -> Result<(), StoreError> {
        let name = staged.part.path();
        let path = self.encode(&name);
        let call = Call { operation: Operation::Verify, name: &name, path: &path };
        let found = match self.verify {
            Verify::Full => Content::of(self.get(call, None).await?).await?,
            Verify::Length => {
                let meta = self.meta(call).await?;
                let len = meta.ok_or_else(|| call.refused(StatusCode::NOT_FOUND))?.len;
                Content { len, digest: staged.content.digest }
            }
        };
        staged.content.expect(&found, &name)
    }

    async fn commit(&self, staged: &Staged, existing: IfExists) -> Result<(), StoreError> {
        let name = staged.part.path();
        let path = self.encode(&name);
        let call = Call { operation: Operation::Commit, name: &name, path: &path };
        let destination = self.url(staged.part.key());
        let overwrite = if existing == IfExists::Replace { "T" } else { "F" };
        let answer = self
            .send(call, extension("MOVE"), |request| {
                request.header("destination", &destination).header("overwrite", overwrite)
            })
            .await?;
        match answer.status() {
            StatusCode::CREATED | StatusCode::NO_CONTENT | StatusCode::OK => Ok(()),
            StatusCode::PRECONDITION_FAILED => {
                Err(StoreError::AlreadyExists { name: staged.part.key().to_string() })
            }
            status => Err(call.refused(status)),
        }
    }

    async fn abort(&self, part: &Part) -> Result<(), StoreError> {
        self.remove(Operation::Abort, &part.path()).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        let path = self.encode(key.as_str());
        let call = Call { operation: Operation::Head, name: key.as_str(), path: &path };
        self.meta(call).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        let path = self.encode(key.as_str());
        let call = Call { operation: Operation::Read, name: key.as_str(), path: &path };
        self.get(call, range).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.remove(Operation::Delete, key.as_str()).await
    }

    async fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        let mut path = self.encode(folder.as_str());
        if !path.is_empty() {
            path.push('/');
        }
        let call = Call { operation: Operation::List, name: folder.as_str(), path: &path };
        let entries = self.propfind(call, 1).await?;
        Ok(listing(folder, entries.unwrap_or_default()))
    }
}

impl WebDav {
    async fn put(&self, call: Call<'_>, mut body: ExactBody) -> Result<Digest, StoreError> {
        let (len, progress) = (body.len(), Arc::new(Progress::default()));
        let mut empty = None;
        let payload = if len == 0 {
            body.next().await.map_err(|fault| fault.of(call.name))?;
            empty = Some(body.digest());
            Body::from("")
        } else {
            Body::wrap(Upload::new(body, Arc::clone(&progress)))
        };
        let begun = tokio::time::timeout(self.timeout, self.request(call, Method::PUT)).await;
        let request = begun.map_err(|_| call.silent(self.timeout))??;
        let request = request
            .header("content-length", len)
            .header("content-type", "application/octet-stream")
            .body(payload);
        let answer = tokio::select! {
            answer = request.send() => answer,
            () = progress.stalled(self.timeout) => return Err(call.silent(self.timeout)),
        };
        let sent = match progress.outcome() {
            Some(Err(fault)) => return Err(fault.of(call.name)),
            Some(Ok(digest)) => Some(digest),
            None => empty,
        };
        let answer = answer.map_err(|error| call.broken(error))?;
        match answer.status() {
            StatusCode::OK | StatusCode::CREATED | StatusCode::NO_CONTENT => {
                sent.ok_or_else(|| call.nonsense("the store accepted a body before its end"))
            }
            status => {
                if status == StatusCode::UNAUTHORIZED {
                    self.forget_nonce().await;
                }
                Err(call.refused(status))
            }
        }
    }

    async fn get(
        &self,
        call: Call<'_>,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        let asked = match &range {
            Some(range) if range.is_empty() => return Ok(stream::empty().boxed()),
            Some(range) => Some(format!("bytes={}-{}", range.start, range.end.saturating_sub(1))),
            None => None,
        };
        let answer = self
            .send(call, Method::GET, |request| match &asked {
                Some(asked) => request.header("range", asked),
                None => request,
            })
            .await?;
        let status = answer.status();
        let after_end = |range: &Range<u64>| StoreError::Range {
            name: call.name.to_owned(),
            from: range.start,
            to: range.end,
        };
        let window = match (window(status, answer.headers(), range.as_ref()), &range) {
            (None, Some(range)) if status == StatusCode::RANGE_NOT_SATISFIABLE => {
                return Err(after_end(range));
            }
            (None, _) if status.is_success() => {
                return Err(call.nonsense("the answer is not the range that was asked for"));
            }
            (None, _) => return Err(call.refused(status)),
            (Some(window), Some(range)) if window.is_empty() => return Err(after_end(range)),
            (Some(window), _) => window,
        };
        Ok(window.stream(call.operation, call.name.to_owned(), answer, self.timeout))
    }

    /// Asks by HEAD, and by PROPFIND where the answer to HEAD has no length.
    async fn meta(&self, call: Call<'_>) -> Result<Option<ObjectMeta>, StoreError> {
        let answer = self.send(call, Method::HEAD, |request| request).await?;
        match answer.status() {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND => return Ok(None),
            status => return Err(call.refused(status)),
        }
        if let Some(meta) = head_meta(&answer) {
            return Ok(Some(meta));
        }
        let Some(entries) = self.propfind(call, 0).await? else { return Ok(None) };
        let entry = entries.into_iter().next().and_then(entry_meta);
        entry.map(Some).ok_or_else(|| call.nonsense("the store does not tell the length"))
    }

    async fn remove(&self, operation: Operation, name: &str) -> Result<(), StoreError> {
        let path = self.encode(name);
        let call = Call { operation, name, path: &path };
        let answer = self.send(call, Method::DELETE, |request| request).await?;
        match answer.status() {
            StatusCode::OK | StatusCode::NO_CONTENT | StatusCode::NOT_FOUND => Ok(()),
            status => Err(call.refused(status)),
        }
    }
}

fn head_meta(answer: &Response) -> Option<ObjectMeta> {
    let headers = answer.headers();
    let len = text(headers, "content-length")?.parse().ok()?;
    let etag = text(headers, "etag").map(str::to_owned);
    Some(ObjectMeta { len, etag, modified: text(headers, "last-modified").and_then(http_date) })
}

fn entry_meta(entry: Entry) -> Option<ObjectMeta> {
    Some(ObjectMeta { len: entry.len?, etag: entry.etag, modified: entry.modified })
}

/// Sorts the answer to PROPFIND with depth 1. The entry with the shortest path is the folder
/// itself, whatever path a proxy has given it; its children are one name longer.
fn listing(folder: &Folder, entries: Vec<Entry>) -> Listing {
    let depth = entries.iter().map(|entry| entry.names.len()).min().unwrap_or_default();
    let mut listing = Listing::default();
    for entry in entries {
        let (true, Some(name)) = (entry.names.len() == depth.saturating_add(1), entry.names.last())
        else {
            continue;
        };
        if entry.folder {
            listing.folders.extend(folder.child(name).ok());
        } else if let Some(part) = folder.part(name) {
            listing.parts.push(part);
        } else if let Ok(key) = folder.object(name) {
            listing.objects.extend(entry_meta(entry).map(|meta| (key, meta)));
        }
    }
    listing.folders.sort();
    listing.objects.sort_by(|(a, _), (b, _)| a.cmp(b));
    listing
}
