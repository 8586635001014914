//! Repeats what may be repeated.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use uuid::Uuid;

use crate::seal::SealedChunk;
use crate::store::{
    ByteStream, Content, Folder, IfExists, Listing, ObjectKey, ObjectMeta, Part, Properties,
    SealedBody, Staged, Store, StoreError,
};

/// How often and after what pause a request is repeated.
#[derive(Debug, Clone, Copy)]
pub struct RetryPolicy {
    /// Repetitions after the first try.
    pub retries: u32,
    /// Pause before the first repetition; each later one is twice as long.
    pub first_pause: Duration,
    /// Longest pause.
    pub longest_pause: Duration,
}

impl RetryPolicy {
    /// `retries` repetitions with the usual pauses.
    pub const fn times(retries: u32) -> Self {
        let (first_pause, longest_pause) = (Duration::from_millis(100), Duration::from_secs(5));
        Self { retries, first_pause, longest_pause }
    }

    /// The pause before repetition `number` (from 0): between half and all of its step, so that
    /// clients which failed together do not come back together. `dice` is any random number.
    fn pause(&self, number: u32, dice: u64) -> Duration {
        let factor = 2_u32.saturating_pow(number);
        let step = self.first_pause.saturating_mul(factor).min(self.longest_pause);
        let half = step / 2;
        let spread = u64::try_from(half.as_nanos()).unwrap_or(u64::MAX).saturating_add(1);
        half.saturating_add(Duration::from_nanos(dice % spread))
    }
}

/// Repeats the idempotent requests of the wrapped store after transient failures.
///
/// `upload` and `commit` pass through: a body cannot be replayed, and a commit that seemed to fail
/// may have happened. A stream that breaks while it is read is not resumed.
pub struct Retry {
    inner: Arc<dyn Store>,
    policy: RetryPolicy,
}

impl Retry {
    /// Wraps `inner`.
    pub const fn new(inner: Arc<dyn Store>, policy: RetryPolicy) -> Self {
        Self { inner, policy }
    }

    async fn repeat<T, F>(&self, mut call: impl FnMut() -> F + Send) -> Result<T, StoreError>
    where
        F: Future<Output = Result<T, StoreError>> + Send,
        T: Send,
    {
        for number in 0..self.policy.retries {
            match call().await {
                Err(error) if error.is_transient() => {
                    tracing::debug!(%error, number, "store request is repeated");
                    let (_, dice) = Uuid::new_v4().as_u64_pair();
                    tokio::time::sleep(self.policy.pause(number, dice)).await;
                }
                outcome => return outcome,
            }
        }
        call().await
    }
}

#[async_trait]
impl Store for Retry {
    fn properties(&self) -> Properties {
        self.inner.properties()
    }

    fn url(&self, key: &ObjectKey) -> String {
        self.inner.url(key)
    }

    async fn prepare(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.repeat(|| self.inner.prepare(key)).await
    }

    async fn upload(&self, part: &Part, len: u64, body: SealedBody) -> Result<Staged, StoreError> {
        self.inner.upload(part, len, body).await
    }

    async fn verify(&self, staged: &Staged) -> Result<(), StoreError> {
        self.repeat(|| self.inner.verify(staged)).await
    }

    async fn commit(&self, staged: &Staged, existing: IfExists) -> Result<(), StoreError> {
        self.inner.commit(staged, existing).await
    }

    async fn abort(&self, part: &Part) -> Result<(), StoreError> {
        self.repeat(|| self.inner.abort(part)).await
    }

    async fn head(&self, key: &ObjectKey) -> Result<Option<ObjectMeta>, StoreError> {
        self.repeat(|| self.inner.head(key)).await
    }

    async fn read(
        &self,
        key: &ObjectKey,
        range: Option<Range<u64>>,
    ) -> Result<ByteStream, StoreError> {
        self.repeat(|| self.inner.read(key, range.clone())).await
    }

    async fn delete(&self, key: &ObjectKey) -> Result<(), StoreError> {
        self.repeat(|| self.inner.delete(key)).await
    }

    async fn list(&self, folder: &Folder) -> Result<Listing, StoreError> {
        self.repeat(|| self.inner.list(folder)).await
    }

    async fn digest(&self, key: &ObjectKey) -> Result<Content, StoreError> {
        self.repeat(|| self.inner.digest(key)).await
    }

    async fn put_small(
        &self,
        part: &Part,
        chunk: &SealedChunk,
        existing: IfExists,
    ) -> Result<(), StoreError> {
        match existing {
            // Writing the same bytes over themselves changes nothing.
            IfExists::Replace => self.repeat(|| self.inner.put_small(part, chunk, existing)).await,
            IfExists::Refuse => self.inner.put_small(part, chunk, existing).await,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_limit_and_are_spread() {
        let policy = RetryPolicy::times(3);
        let millis = |number, dice| policy.pause(number, dice).as_millis();
        assert_eq!((millis(0, 0), millis(1, 0), millis(2, 0)), (50, 100, 200));
        assert_eq!(millis(0, 50_000_000), 100);
        assert_eq!(millis(40, 0), 2500);
        assert!(millis(40, u64::MAX) <= 5000);
    }
}
