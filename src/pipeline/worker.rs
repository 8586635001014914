//! The workers: take due jobs, carry them, put back what must wait.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

use super::{PipelineError, PipelineSettings};
use crate::asset::Clock;
use crate::catalog::{Catalog, CatalogError, Job, MediaState};
use crate::mask::MaskSettings;
use crate::observe::chain;
use crate::pbx::CallRecords;
use crate::seal::{SealPolicy, SigningKey};
use crate::spool::Spool;
use crate::store::Store;

/// How often due jobs are looked for when nobody rings.
const POLL: Duration = Duration::from_millis(500);

/// Tells waiting requests that some asset reached a final state.
#[derive(Debug, Clone)]
pub struct Progress(watch::Sender<u64>);

impl Default for Progress {
    fn default() -> Self {
        Self(watch::Sender::new(0))
    }
}

impl Progress {
    /// Changes each time an asset reaches a final state.
    pub fn subscribe(&self) -> watch::Receiver<u64> {
        self.0.subscribe()
    }

    fn announce(&self) {
        self.0.send_modify(|count| *count = count.wrapping_add(1));
    }
}

/// Everything that carrying an asset needs. Built once, shared by all workers.
#[derive(Clone)]
pub struct Pipeline {
    /// Where uploads wait.
    pub spool: Spool,
    /// Where assets go.
    pub store: Arc<dyn Store>,
    /// Rows.
    pub catalog: Catalog,
    /// How files are sealed.
    pub seal: Arc<SealPolicy>,
    /// How masks are read and widened.
    pub mask: MaskSettings,
    /// Signs manifests.
    pub signing: Arc<SigningKey>,
    /// To whom a finished recording is owed.
    pub targets: Vec<&'static str>,
    /// Makes call records of sound files.
    pub call_records: Arc<CallRecords>,
    /// `[pipeline]`.
    pub settings: PipelineSettings,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when a job may be due.
    pub bell: Arc<Notify>,
    /// Rung when a delivery may be due.
    pub delivery_bell: Arc<Notify>,
    /// Final states reached.
    pub progress: Progress,
}

impl std::fmt::Debug for Pipeline {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Pipeline").field("seal", &self.seal).finish_non_exhaustive()
    }
}

impl Pipeline {
    /// Brings the node back to where its rows say it is: uploads that nobody will end are given
    /// back, but for live ones, jobs that were running are due, spool files of assets that are stored are destroyed.
    ///
    /// # Errors
    /// [`PipelineError`] when spool or catalogue fail.
    pub async fn recover(&self) -> Result<(), PipelineError> {
        let node = self.spool.node().to_owned();
        for asset in self.catalog.interrupted_uploads(&node).await? {
            self.spool.destroy(asset)?;
            self.catalog.release_upload(asset, self.clock.now()).await?;
            tracing::info!(%asset, "an interrupted upload was given back");
        }
        let jobs = self.catalog.recover_jobs(&node).await?;
        if jobs > 0 {
            tracing::info!(jobs, "interrupted jobs will be carried on");
        }
        for asset in self.spool.list()? {
            match self.catalog.asset(asset).await?.map(|row| row.state) {
                Some(MediaState::Ready | MediaState::Declared | MediaState::Erased) => {
                    self.spool.destroy(asset)?;
                    tracing::info!(%asset, "a spool file that its row does not need was destroyed");
                }
                Some(_) => {}
                // Perhaps the wrong catalogue was named: what was acknowledged is never destroyed
                // for want of a row.
                None => tracing::warn!(%asset, "a spool file has no row; it is kept"),
            }
        }
        Ok(())
    }

    /// Runs one worker until `stop` says true; an asset under way is carried to its end.
    pub async fn work(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the job table failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    async fn step(&self) -> Result<bool, CatalogError> {
        let now = self.clock.now();
        let Some(job) = self.catalog.take_job(self.spool.node(), now).await? else {
            return Ok(false);
        };
        let asset = job.asset_id;
        match self.carry(job).await {
            Ok(state) => {
                tracing::info!(%asset, state = state.name(), "asset carried");
                self.announce(state);
            }
            Err(PipelineError::Quarantine { reason, detail }) => {
                let code = reason.code();
                self.catalog.quarantine(asset, code, &detail, self.clock.now()).await?;
                metrics::counter!("reelgate_quarantined_total", "reason" => code).increment(1);
                tracing::warn!(%asset, reason = code, detail, "asset quarantined");
                self.announce(MediaState::Quarantined);
            }
            Err(error) => self.put_back(job, &error).await?,
        }
        Ok(true)
    }

    pub(super) fn announce(&self, state: MediaState) {
        metrics::counter!("reelgate_assets_total", "state" => state.name()).increment(1);
        self.progress.announce();
        self.delivery_bell.notify_one();
    }

    async fn put_back(&self, job: Job, error: &PipelineError) -> Result<(), CatalogError> {
        let doubling = 1_u64.checked_shl(job.attempts.min(32)).unwrap_or(u64::MAX);
        let wait = self.settings.retry_first_ms.saturating_mul(doubling);
        let wait = wait.min(self.settings.retry_longest_s.saturating_mul(1000));
        let wait = SignedDuration::from_millis(i64::try_from(wait).unwrap_or(i64::MAX));
        let at = self.clock.now().checked_add(wait).unwrap_or(Timestamp::MAX);
        metrics::counter!("reelgate_job_failures_total").increment(1);
        tracing::warn!(
            asset = %job.asset_id, attempt = job.attempts.saturating_add(1), error = chain(&error),
            next = %at, "asset waits for another try"
        );
        self.catalog.postpone_job(job.asset_id, at, &chain(&error)).await
    }
}
