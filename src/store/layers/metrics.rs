//! Counts what is asked of a store.

use std::ops::Range;
use std::sync::Arc;

use async_trait::async_trait;

use crate::store::{
    ByteStream, Folder, IfExists, Listing, ObjectKey, ObjectMeta, Operation, Part, Properties,
    SealedBody, Staged, Store, StoreError,
};

/// Counts each request to the wrapped store as
/// `reelgate_store_requests_total{operation,outcome}`.
pub struct Metrics {
    inner: Arc<dyn Store>,
}

impl Metrics {
    /// Wraps `inner`.
    pub const fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner }
    }
}

fn counted<T>(operation: Operation, result: Result<T, StoreError>) -> Result<T, StoreError> {
    let outcome = result.as_ref().map_or_else(StoreError::outcome, |_| "ok");
    let operation = operation.as_str();
    metrics::counter!("reelgate_store_requests_total", "operation" => operation, "outcome" => outcome)
        .increment(1);
    result
}

#[async_trait]
impl Store for Metrics {
    fn properties(&self) -> Properties {
        self.inner.properties()
    }

    fn url(&self, key: &ObjectKey) -> String {
        self.inner.url(key)
    }

    async fn prepare(&self, key: &ObjectKey) -> Result<(), StoreError> {
        counted(Operation::Prepare, self.inner.prepare(key).await)
    }

    async fn upload(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError> {
        counted(Operation::Upload, self.inner.upload(part, len, body).await)
    }

    async fn verify(&self, staged: &Staged) -> Result<(), StoreError> {
        counted(Operation::Verify, self.inner.verify(staged).await)
    }

    async fn commit(&self, staged: &Staged, existing: IfExists) -> Result<(), StoreError> {
        counted(Operation::Commit, self.inner.commit(staged, existing).await)
    }

    async fn abort(&self, part: &Part) -> Result<(), StoreError> {
        counted(Operation::Abort, self.inner.abort(part).await)
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        counted(Operation::Head, self.inner.head(key).await)
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        counted(Operation::Read, self.inner.read(key, range).await)
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        counted(Operation::Delete, self.inner.delete(key).await)
    }

    async fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        counted(Operation::List, self.inner.list(folder).await)
    }
}
