//! Makes bundles: takes what is wanted, collects it, seals and stores it, and removes it when its
//! time is over.

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::{Notify, watch};

use super::media::Gathered;
use super::metadata::CSV;
use super::records::{archive_end, letter};
use super::request::{Part, PartStatus};
use super::settings::BundleSettings;
use super::zip_file::{self, Entry, ZipFileError};
use crate::asset::{Clock, Digest, Outcome, RecordingId};
use crate::catalog::{BundleKind, BundleRow, CatalogError, MadeBundle};
use crate::observe::chain;
use crate::play::{PlayError, Player, Vault, VaultError, Vaulted};
use crate::store::{KeyError, ObjectKey, StoreError};

/// How often the table is looked at when nobody rings.
const POLL: Duration = Duration::from_secs(1);
/// How often what is on its way is looked at, in seconds.
const LOOK_AGAIN_S: i64 = 1;
/// How long something that is on its way is waited for.
const PATIENCE: SignedDuration = SignedDuration::from_mins(15);
/// Tries after which an entity that cannot be read is left out, or a bundle given up.
pub(super) const MAX_ATTEMPTS: u32 = 5;
/// First wait after a failure, doubled each time, in seconds.
const RETRY_S: i64 = 1;
/// Media type and extension of a ZIP file.
const ZIP: (&str, &str) = ("application/zip", "zip");

/// Makes bundles. Built once.
#[derive(Clone)]
pub struct Binder {
    /// Opens media.
    pub player: Player,
    /// Keeps the results.
    pub vault: Vault,
    /// `[bundle]`.
    pub settings: BundleSettings,
    /// The zone in which zoneless dates are read.
    pub zone: Option<TimeZone>,
    /// Name of this node, for leases.
    pub node: String,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when a bundle may be due.
    pub bell: Arc<Notify>,
    /// Rung when a rendition is wanted.
    pub rendition_bell: Arc<Notify>,
}

impl std::fmt::Debug for Binder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Binder").field("node", &self.node).finish_non_exhaustive()
    }
}

/// Why a bundle was not made.
#[derive(Debug, thiserror::Error)]
pub(super) enum BinderError {
    /// It never will be.
    #[error("{0}")]
    Never(String),
    /// Nothing of what was asked for can be had.
    #[error("nothing of what was asked for can be had")]
    Empty(Vec<Part>),
    /// Something is on its way, or went away meanwhile.
    #[error("something of it is being prepared")]
    Waits,
    #[error("media cannot be read")]
    Play(PlayError),
    #[error("the ZIP file cannot be made")]
    Zip(#[from] ZipFileError),
    #[error("the file is not in the store")]
    Vault(#[source] VaultError<ZipFileError>),
    #[error("the catalogue failed")]
    Catalog(#[from] CatalogError),
    #[error("the store failed")]
    Store(#[from] StoreError),
    #[error("the file has no name in the store")]
    Key(#[from] KeyError),
    #[error("the worker thread failed")]
    Thread,
}

/// A file that is in the store, and what it holds.
pub(super) struct Bound {
    pub(super) vaulted: Vaulted,
    pub(super) bytes: u64,
    /// Files of media in it.
    pub(super) files: u64,
    pub(super) parts: Vec<Part>,
    pub(super) sources: Vec<(RecordingId, usize)>,
}

impl Binder {
    /// What this node was making when it stopped is due again.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover(&self) -> Result<(), CatalogError> {
        let count = self.player.catalog.recover_bundles(&self.node).await?;
        if count > 0 {
            tracing::info!(count, "interrupted bundles will be made");
        }
        Ok(())
    }

    /// Works until `stop` says true; a bundle under way is finished.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the table of bundles failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn step(&self) -> Result<bool, BinderError> {
        let (catalog, now) = (&self.player.catalog, self.clock.now());
        if let Some(row) = catalog.overdue_bundle(now).await? {
            match self.remove(&row).await {
                Ok(()) => return Ok(true),
                Err(error) => {
                    tracing::warn!(bundle = %row.asset_id, error = chain(&error), "not removed yet");
                }
            }
        }
        let Some(row) = catalog.take_bundle(&self.node, now).await? else { return Ok(false) };
        let asset = row.asset_id;
        match self.carry(&row).await {
            Ok(()) => tracing::info!(bundle = %asset, kind = row.kind.name(), "bundle made"),
            Err(BinderError::Waits) => {
                let at = now.checked_add(SignedDuration::from_secs(LOOK_AGAIN_S));
                let at = at.unwrap_or(now);
                catalog.postpone_bundle(asset, (at, false), "waits for media").await?;
            }
            Err(error) => self.failed(&row, error).await?,
        }
        Ok(true)
    }

    async fn failed(&self, row: &BundleRow, error: BinderError) -> Result<(), BinderError> {
        let (catalog, now) = (&self.player.catalog, self.clock.now());
        let parts = match &error {
            BinderError::Empty(parts) => serde_json::to_string(parts).ok(),
            _ => None,
        };
        let text = chain(&error);
        let final_error = matches!(error, BinderError::Never(_) | BinderError::Empty(_));
        if final_error || row.attempts >= MAX_ATTEMPTS.saturating_mul(2) {
            tracing::warn!(bundle = %row.asset_id, error = text, "no bundle");
            // Callers see it: the causes may name addresses of the inside.
            let text = error.to_string();
            let message = match row.kind {
                BundleKind::Records => letter(row, Err(&text)).ok().flatten(),
                _ => None,
            };
            let why = (text.as_str(), parts.as_deref());
            return Ok(catalog.fail_bundle(row, why, message.as_ref(), now).await?);
        }
        let wait = RETRY_S.saturating_mul(1 << row.attempts.min(8));
        let at = now.checked_add(SignedDuration::from_secs(wait)).unwrap_or(Timestamp::MAX);
        tracing::warn!(bundle = %row.asset_id, error = text, next = %at, "a bundle waits");
        Ok(catalog.postpone_bundle(row.asset_id, (at, true), &text).await?)
    }

    async fn carry(&self, row: &BundleRow) -> Result<(), BinderError> {
        let (bound, (media_type, extension)) = match row.kind {
            BundleKind::Metadata => (self.bind_metadata(row).await?, CSV),
            BundleKind::Contacts | BundleKind::Segments => (self.bind_media(row).await?, ZIP),
            BundleKind::Records => (self.bind_records(row).await?, ZIP),
        };
        let made = row.created.strftime("%Y-%m-%dT%H-%M-%S");
        let outcome = Outcome {
            media_type: media_type.to_owned(),
            duration_ms: 0,
            bytes: bound.bytes,
            sha256: bound.vaulted.sha256,
            spans: Vec::new(),
            certificate: Value::Null,
            file_name: format!("{}_{made}.{extension}", row.kind.name()),
            stored: bound.vaulted.stored,
            seal: bound.vaulted.seal,
        };
        let text = |value: Result<String, serde_json::Error>| {
            value.map_err(|error| BinderError::Never(error.to_string()))
        };
        let segments: Vec<String> = bound.vaulted.segments.iter().map(Digest::to_string).collect();
        let now = self.clock.now();
        let kept = SignedDuration::from_hours(i64::from(self.settings.keep_h));
        let (expires, message) = match row.kind {
            BundleKind::Records => {
                let expires = archive_end(now);
                (expires, letter(row, Ok((bound.files, bound.bytes, expires)))?)
            }
            _ => (now.checked_add(kept).unwrap_or(Timestamp::MAX), None),
        };
        let made = MadeBundle {
            outcome: text(serde_json::to_string(&outcome))?,
            segments: segments.join(" "),
            parts: text(serde_json::to_string(&bound.parts))?,
            sources: bound.sources,
            expires,
            message,
        };
        if !self.player.catalog.finish_bundle(row, &made, now).await? {
            self.vault.store.delete(&ObjectKey::parse(&outcome.stored.key)?).await?;
            return Err(BinderError::Waits);
        }
        Ok(())
    }

    async fn bind_media(&self, row: &BundleRow) -> Result<Bound, BinderError> {
        let mut gathered = self.gather(row).await?;
        if gathered.waits {
            if self.clock.now().duration_since(row.created) < PATIENCE {
                return Err(BinderError::Waits);
            }
            let waiting = |part: &&mut Part| part.status == PartStatus::Pending;
            for part in gathered.parts.iter_mut().filter(waiting) {
                part.status = PartStatus::Failed;
                part.failure_reason = Some("IN_PROGRESS: it is being prepared".to_owned());
            }
        }
        loop {
            if gathered.entries.is_empty() {
                return Err(BinderError::Empty(gathered.parts));
            }
            match self.zip(row, gathered.entries.clone()).await {
                Ok((vaulted, bytes)) => {
                    let files = gathered.entries.len() as u64;
                    let Gathered { parts, sources, .. } = gathered;
                    return Ok(Bound { vaulted, bytes, files, parts, sources });
                }
                Err(BinderError::Vault(VaultError::Made(ZipFileError::Entry {
                    index,
                    source,
                }))) if row.attempts >= MAX_ATTEMPTS => {
                    tracing::error!(bundle = %row.asset_id, error = %source, "media is left out");
                    let part = gathered.owners.get(index).copied().unwrap_or_default();
                    gathered.drop_part(part, "UNREADABLE: the media cannot be read");
                }
                Err(error) => return Err(error),
            }
        }
    }

    pub(super) async fn zip(
        &self,
        row: &BundleRow,
        entries: Vec<Entry>,
    ) -> Result<(Vaulted, u64), BinderError> {
        let measure = move || (zip_file::length(&entries), entries);
        let measured = tokio::task::spawn_blocking(measure).await;
        let (bytes, entries) = measured.map_err(|_| BinderError::Thread)?;
        let bytes = bytes?;
        let (player, runtime) = (self.player.clone(), Handle::current());
        let make = move |sink: &mut crate::play::Sink<'_>| {
            zip_file::write(&entries, (&player, &runtime), sink)
        };
        let key = self.key(row, ZIP.1)?;
        let vaulted = self.vault.keep(key, &format!("t{}", row.attempts), bytes, make).await;
        Ok((vaulted.map_err(BinderError::Vault)?, bytes))
    }

    /// `{tenant}/bundles/{id}/{kind}.{extension}`.
    pub(super) fn key(&self, row: &BundleRow, extension: &str) -> Result<ObjectKey, KeyError> {
        let (tenant, id, kind) = (&row.tenant, row.asset_id, row.kind.name());
        let suffix = self.vault.suffix();
        ObjectKey::parse(&format!("{tenant}/bundles/{id}/{kind}.{extension}{suffix}"))
    }

    /// The time of a bundle is over.
    async fn remove(&self, row: &BundleRow) -> Result<(), BinderError> {
        let outcome = row.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok());
        if let Some(Outcome { stored, .. }) = outcome {
            self.vault.store.delete(&ObjectKey::parse(&stored.key)?).await?;
        }
        let now = self.clock.now();
        self.player.catalog.expire_bundle(row.asset_id, now).await?;
        tracing::info!(bundle = %row.asset_id, "the time of a bundle is over");
        Ok(())
    }
}
