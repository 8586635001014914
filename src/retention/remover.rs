//! Takes what was deleted out of the stores.

use std::sync::Arc;
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use crate::asset::Clock;
use crate::catalog::{Catalog, CatalogError, Removal, RemovalKind};
use crate::observe::chain;
use crate::store::{KeyError, ObjectKey, Part, Store, StoreError};

/// How often due removals are looked for when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// Removals under way at once.
const AT_ONCE: usize = 4;
/// First wait after a failure, doubled each time, and the longest, in seconds.
const RETRY_S: (i64, i64) = (1, 600);
/// Attempts of a move that are looked for where a store does not show them.
const MOVES: u32 = 4;

/// Removes. Built once.
#[derive(Clone)]
pub struct Remover {
    /// Rows.
    pub catalog: Catalog,
    /// Where recordings are played from.
    pub store: Arc<dyn Store>,
    /// Where they are kept, if there is such a place.
    pub archive: Option<Arc<dyn Store>>,
    /// Name of this node, for leases.
    pub node: String,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when something was deleted.
    pub bell: Arc<Notify>,
}

impl std::fmt::Debug for Remover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Remover").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Why something was not removed.
#[derive(Debug, thiserror::Error)]
enum RemoveError {
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("an object has no name")]
    Key(#[from] KeyError),
    #[error("it may be in an archive, and none is configured")]
    NoArchive,
}

impl Remover {
    /// What this node was removing when it stopped is due again.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover(&self) -> Result<(), CatalogError> {
        let count = self.catalog.recover_removals(&self.node).await?;
        if count > 0 {
            tracing::info!(count, "interrupted removals go on");
        }
        Ok(())
    }

    /// Works until `stop` says true; removals under way are finished.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the table of removals failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Carries out what is due, up to one lease's worth; false when nothing was.
    ///
    /// # Errors
    /// [`CatalogError`]. A store that fails is no error: its removals wait.
    pub async fn step(&self) -> Result<bool, CatalogError> {
        let now = self.clock.now();
        let due = self.catalog.take_removals(&self.node, now).await?;
        if due.is_empty() {
            return Ok(false);
        }
        let mut carried = stream::iter(due)
            .map(|removal| async move { (self.carry(&removal).await, removal) })
            .buffer_unordered(AT_ONCE);
        let mut done = Vec::new();
        while let Some((result, removal)) = carried.next().await {
            match result {
                Ok(()) => done.push(removal.id),
                Err(error) => self.failed(&removal, &error).await?,
            }
        }
        self.catalog.finish_removals(&done).await?;
        counted("removed", done.len() as u64);
        if !done.is_empty() {
            tracing::info!(count = done.len(), "deleted objects are gone from the stores");
        }
        Ok(true)
    }

    async fn failed(&self, removal: &Removal, error: &RemoveError) -> Result<(), CatalogError> {
        let wait = RETRY_S.0.saturating_mul(1 << removal.attempts.min(16)).min(RETRY_S.1);
        let wait = SignedDuration::from_secs(wait);
        let at = self.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        let error = chain(error);
        tracing::warn!(removal = removal.id, error, next = %at, "a removal waits");
        counted("failed", 1);
        self.catalog.postpone_removal(&removal.id, at, &error).await
    }

    /// What is not there is removed already.
    async fn carry(&self, removal: &Removal) -> Result<(), RemoveError> {
        let key = ObjectKey::parse(&removal.object)?;
        for place in std::iter::once(&self.store).chain(&self.archive) {
            match removal.kind {
                RemovalKind::Object => place.delete(&key).await?,
                RemovalKind::Asset => asset(place.as_ref(), &key, removal.away).await?,
                RemovalKind::Begun => begun(place.as_ref(), &key).await?,
            }
        }
        if removal.away && self.archive.is_none() {
            return Err(RemoveError::NoArchive);
        }
        Ok(())
    }
}

/// Removes an asset and everything in its folder: manifest, renditions, and attempts that nobody
/// ended.
async fn asset(place: &dyn Store, key: &ObjectKey, moved: bool) -> Result<(), RemoveError> {
    place.delete(key).await?;
    place.delete(&key.manifest()).await?;
    let listing = place.list(&key.folder()).await?;
    for (key, _) in &listing.objects {
        place.delete(key).await?;
    }
    for part in &listing.parts {
        place.abort(part).await?;
    }
    // Some servers do not list temporary names.
    for attempt in 1..=if moved { MOVES } else { 0 } {
        place.abort(&Part::new(key.clone(), &format!("m{attempt}"))?).await?;
    }
    Ok(())
}

/// Removes whatever begins like `key`.
async fn begun(place: &dyn Store, key: &ObjectKey) -> Result<(), RemoveError> {
    let listing = place.list(&key.folder()).await?;
    let meant = |found: &ObjectKey| found.file_name().starts_with(key.file_name());
    for (found, _) in listing.objects.iter().filter(|(found, _)| meant(found)) {
        place.delete(found).await?;
    }
    for part in listing.parts.iter().filter(|part| meant(part.key())) {
        place.abort(part).await?;
    }
    Ok(())
}

fn counted(outcome: &'static str, count: u64) {
    metrics::counter!("reelgate_removals_total", "outcome" => outcome).increment(count);
}
