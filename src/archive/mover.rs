//! Moves recordings between the two stores.

use std::sync::Arc;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, OnceCell, watch};

use super::copy::{CopyError, are_one, copy};
use crate::asset::{Clock, Outcome};
use crate::catalog::{Catalog, CatalogError, MediaState, Move, Tier};
use crate::observe::chain;
use crate::store::{Content, KeyError, ObjectKey, Part, Store, StoreError};

/// How often due moves are looked for when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// How often recordings are looked for that are old enough.
const SWEEP: Duration = Duration::from_secs(5);
/// First wait after a failure, doubled each time, and the longest, in seconds.
const RETRY_S: (i64, i64) = (1, 600);

/// Moves recordings. Built once, when there is an archive.
#[derive(Clone)]
pub struct Mover {
    /// Rows.
    pub catalog: Catalog,
    /// Where recordings are played from.
    pub store: Arc<dyn Store>,
    /// Where they are kept.
    pub archive: Arc<dyn Store>,
    /// `retention.archive_after_days`.
    pub archive_after_days: Option<u32>,
    /// Name of this node, for leases.
    pub node: String,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when a move may be due.
    pub bell: Arc<Notify>,
    /// Rung when a rendition is wanted.
    pub rendition_bell: Arc<Notify>,
    /// Filled when the two stores were found to be two.
    pub apart: Arc<OnceCell<()>>,
}

impl std::fmt::Debug for Mover {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Mover").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Why a move was not made.
#[derive(Debug, thiserror::Error)]
enum MoveError {
    #[error("[archive] and [store] are one place: nothing is moved")]
    SameStore,
    #[error("a copy failed")]
    Copy(#[from] CopyError),
    #[error("the catalogue failed")]
    Catalog(#[from] CatalogError),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("an object has no name")]
    Key(#[from] KeyError),
    #[error("an outcome is not readable")]
    Outcome(#[from] serde_json::Error),
}

impl MoveError {
    /// Whether another try makes sense.
    const fn passes(&self) -> bool {
        match self {
            Self::Copy(CopyError::Missing(_) | CopyError::Different(_))
            | Self::Key(_)
            | Self::Outcome(_) => false,
            Self::SameStore
            | Self::Copy(CopyError::Store(_))
            | Self::Catalog(_)
            | Self::Store(_) => true,
        }
    }
}

/// An object of a recording.
struct Object {
    key: ObjectKey,
    content: Content,
}

impl Mover {
    /// What this node was moving when it stopped is due again.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover(&self) -> Result<(), CatalogError> {
        let count = self.catalog.recover_moves(&self.node).await?;
        if count > 0 {
            tracing::info!(count, "interrupted moves go on");
        }
        Ok(())
    }

    /// Works until `stop` says true; a move under way is finished.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut swept: Option<Instant> = None;
        while !*stop.borrow() {
            if swept.is_none_or(|at| at.elapsed() >= SWEEP) {
                self.sweep().await;
                swept = Some(Instant::now());
            }
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the table of moves failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Hands what is old enough to the archive.
    async fn sweep(&self) {
        let Some(days) = self.archive_after_days else { return };
        let now = self.clock.now();
        let age = SignedDuration::from_hours(i64::from(days).saturating_mul(24));
        let before = now.checked_sub(age).unwrap_or(Timestamp::MIN);
        match self.catalog.hand_to_archive(before, now).await {
            Ok(0) => {}
            Ok(count) => tracing::info!(count, "recordings go to the archive"),
            Err(error) => tracing::error!(error = ?error, "no recording could be archived"),
        }
    }

    async fn step(&self) -> Result<bool, CatalogError> {
        let now = self.clock.now();
        let Some(due) = self.catalog.take_move(&self.node, now).await? else { return Ok(false) };
        let recording = &due.recording;
        match self.carry(&due).await {
            Ok(()) => {
                tracing::info!(%recording, from = due.tier.name(), "recording moved");
            }
            Err(error)
                if error.passes() || !matches!(due.tier, Tier::Archiving | Tier::Restoring) =>
            {
                let wait = RETRY_S.0.saturating_mul(1 << due.attempts.min(16)).min(RETRY_S.1);
                let at = now.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX);
                let error = chain(&error);
                tracing::warn!(%recording, from = due.tier.name(), error, next = %at, "move waits");
                self.catalog.postpone_move(&due, at, &error).await?;
            }
            Err(error) => {
                let error = chain(&error);
                tracing::error!(%recording, from = due.tier.name(), error, "no move");
                self.catalog.abandon_move(&due, &error).await?;
            }
        }
        self.catalog.end_move(&due).await?;
        Ok(true)
    }

    async fn carry(&self, due: &Move) -> Result<(), MoveError> {
        let now = self.clock.now();
        self.apart.get_or_try_init(|| self.find_apart()).await?;
        match due.tier {
            // What came back is in the archive still; the copy finds it there, or mends it.
            Tier::Archiving | Tier::Returned => {
                self.copy_all(due, MediaState::Ready, (&self.store, &self.archive)).await?;
                self.catalog.leave_store(due, now).await?;
                self.bell.notify_one();
            }
            Tier::Clearing => {
                self.clear(due).await?;
                self.catalog.finish_clearing(due).await?;
            }
            Tier::Restoring => {
                self.copy_all(due, MediaState::Archived, (&self.archive, &self.store)).await?;
                self.catalog.enter_store(due, now).await?;
                self.rendition_bell.notify_one();
            }
            Tier::Active | Tier::Archived => {}
        }
        Ok(())
    }

    async fn find_apart(&self) -> Result<(), MoveError> {
        let name = format!("reelgate-probe-{}", uuid::Uuid::new_v4().simple());
        let probe = Part::new(ObjectKey::parse(&name)?, "m0")?;
        let one = are_one(self.store.as_ref(), self.archive.as_ref(), &probe).await?;
        if one { Err(MoveError::SameStore) } else { Ok(()) }
    }

    async fn copy_all(
        &self,
        due: &Move,
        state: MediaState,
        (from, to): (&Arc<dyn Store>, &Arc<dyn Store>),
    ) -> Result<(), MoveError> {
        let attempt = format!("m{}", due.attempts);
        for Object { key, content } in self.objects(due, state).await? {
            let part = Part::new(key.clone(), &attempt)?;
            copy(from.as_ref(), to.as_ref(), &key, (Some(content), &part)).await?;
            let manifest = key.manifest();
            let part = Part::new(manifest.clone(), &attempt)?;
            copy(from.as_ref(), to.as_ref(), &manifest, (None, &part)).await?;
        }
        Ok(())
    }

    /// The objects of the media files of a recording that are in a state.
    async fn objects(&self, due: &Move, state: MediaState) -> Result<Vec<Object>, MoveError> {
        let rows = self.catalog.media_of(&due.tenant, &due.recording).await?;
        let outcomes = rows.iter().filter(|row| row.state == state);
        outcomes.filter_map(|row| row.outcome.as_deref()).map(object).collect()
    }

    /// Removes what the store still has of an archived recording.
    async fn clear(&self, due: &Move) -> Result<(), MoveError> {
        for rendition in self.catalog.renditions_of(&due.tenant, &due.recording).await? {
            if let Some(outcome) = rendition.outcome.as_deref() {
                self.store.delete(&object(outcome)?.key).await?;
            }
        }
        for Object { key, .. } in self.objects(due, MediaState::Archived).await? {
            self.store.delete(&key).await?;
            self.store.delete(&key.manifest()).await?;
        }
        Ok(())
    }
}

fn object(outcome: &str) -> Result<Object, MoveError> {
    let outcome: Outcome = serde_json::from_str(outcome)?;
    let (len, digest) = (outcome.stored.bytes, outcome.stored.sha256);
    Ok(Object { key: ObjectKey::parse(&outcome.stored.key)?, content: Content { len, digest } })
}
