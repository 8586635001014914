//! Copies one object from one store to another, and makes sure that it is the same.

use bytes::Bytes;
use futures_util::{StreamExt as _, stream};

use crate::store::{Content, IfExists, ObjectKey, Part, SealedBody, Store, StoreError};

/// Why an object was not copied.
#[derive(Debug, thiserror::Error)]
pub(super) enum CopyError {
    /// The object that is to be copied is not there.
    #[error("{0} is not in the store that should hold it")]
    Missing(String),
    /// It is not what was stored once.
    #[error("{0} is not what was stored")]
    Different(String),
    /// A store failed.
    #[error("a store failed")]
    Store(#[from] StoreError),
}

/// Whether the two are one place under two names, where to remove from one is to lose: what one is
/// given shows in the other.
pub(super) async fn are_one(
    store: &dyn Store,
    archive: &dyn Store,
    probe: &Part,
) -> Result<bool, StoreError> {
    let text = Bytes::from_static(b"reelgate looks whether its two stores are one");
    let len = text.len() as u64;
    let body = SealedBody::of_stored(stream::once(async { Ok(text) }).boxed());
    let staged = archive.stage(probe, len, body).await?;
    archive.commit(&staged, IfExists::Replace).await?;
    let seen = store.head(probe.key()).await;
    archive.delete(probe.key()).await?;
    Ok(seen?.is_some())
}

/// Copies `key`, which must be `expected` if that is known, under the same name. An object that is
/// there already stays.
pub(super) async fn copy(
    from: &dyn Store,
    to: &dyn Store,
    key: &ObjectKey,
    (expected, attempt): (Option<Content>, &Part),
) -> Result<(), CopyError> {
    if let Some(expected) = expected
        && to.head(key).await?.is_some_and(|meta| meta.len == expected.len)
        && to.digest(key).await? == expected
    {
        return Ok(());
    }
    let meta = from.head(key).await?.ok_or_else(|| CopyError::Missing(key.to_string()))?;
    if expected.is_some_and(|expected| expected.len != meta.len) {
        return Err(CopyError::Different(key.to_string()));
    }
    let body = SealedBody::of_stored(from.read(key, None).await?);
    let copied = async {
        let staged = to.stage(attempt, meta.len, body).await?;
        if expected.is_some_and(|expected| expected != staged.content) {
            return Err(CopyError::Different(key.to_string()));
        }
        Ok(to.commit(&staged, IfExists::Replace).await?)
    };
    let copied = copied.await;
    if copied.is_err() {
        // The first error is the one to report.
        let _ = to.abort(attempt).await;
    }
    copied
}
