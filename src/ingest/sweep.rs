//! Ends what live interactions leave behind: uploads that nobody writes any more, and jobs that
//! wait for the end of the call.

use std::time::Duration;

use tokio::sync::watch;

use super::{Ingest, IngestError};

/// How often ended interactions are looked for when nobody rings.
const POLL: Duration = Duration::from_secs(1);

impl Ingest {
    /// Works until `stop` says true. Right after a start it also ends what an earlier process left.
    pub async fn sweep(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            if let Err(error) = self.sweep_once().await {
                tracing::error!(error = ?error, "ended interactions could not be looked for");
            }
            tokio::select! {
                () = self.live_bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Looks once. A sender that still sends is told, and has its grace; what has no sender any
    /// more is ended with what is durable.
    async fn sweep_once(&self) -> Result<(), IngestError> {
        for row in self.catalog.ended_uploads(self.spool.node()).await? {
            let asset = row.asset_id;
            if self.live.end(asset) {
                continue;
            }
            if let Err(error) = self.finish_broken(row).await {
                tracing::error!(%asset, error = ?error, "a live upload could not be ended");
            }
        }
        let mut due = 0_u64;
        for (tenant, interaction) in self.catalog.ended_interactions().await? {
            let now = self.clock.now();
            due = due.saturating_add(self.catalog.release_ended(&tenant, &interaction, now).await?);
        }
        if due > 0 {
            self.bell.notify_one();
        }
        Ok(())
    }
}
