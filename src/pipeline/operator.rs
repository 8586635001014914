//! What an operator does about an asset in quarantine: another try, or giving it up.
//!
//! Its bytes lie in the spool of one node, and only that node can do either.

use serde_json::json;

use super::{Pipeline, PipelineError};
use crate::asset::{AssetId, TenantId};
use crate::catalog::{AuditEntry, CatalogError, Erasing, MediaRow, MediaState};
use crate::observe::chain;
use crate::spool::SpoolError;

/// Who asks.
#[derive(Debug, Clone, Copy)]
pub struct Operator<'o> {
    /// Their tenant: assets of others are not there.
    pub tenant: &'o TenantId,
    /// Login name, for the audit trail.
    pub name: &'o str,
}

/// Why an operator's wish was not fulfilled; nothing was changed then.
#[derive(Debug, thiserror::Error)]
pub enum OperatorError {
    /// No such asset of this tenant.
    #[error("there is no such asset")]
    Unknown,
    /// It is in another state.
    #[error("the asset is {state}, and not quarantined")]
    NotQuarantined {
        /// Which.
        state: MediaState,
    },
    /// Another node holds its bytes.
    #[error("the asset lies in the spool of node {node}; ask that one")]
    Elsewhere {
        /// Which.
        node: String,
    },
    /// Its recording is on hold.
    #[error("the recording is on hold: nothing of it is erased")]
    Held,
    /// Its file is not in the spool any more.
    #[error("the spool holds no readable file of the asset")]
    NoFile,
    /// A part of the gateway failed.
    #[error(transparent)]
    Failed(#[from] PipelineError),
}

impl From<CatalogError> for OperatorError {
    fn from(error: CatalogError) -> Self {
        Self::Failed(error.into())
    }
}

impl Pipeline {
    /// Tries a quarantined asset again: it is spooled, with a job that is due now.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn retry_quarantined(
        &self,
        operator: Operator<'_>,
        asset: AssetId,
    ) -> Result<(), OperatorError> {
        let row = self.quarantined_here(operator, asset).await?;
        let spool = self.spool.clone();
        // A job without a file would fail for ever.
        let opened = tokio::task::spawn_blocking(move || spool.reader(asset).map(drop)).await;
        match opened.map_err(|_| PipelineError::Thread)? {
            Ok(()) => {}
            Err(SpoolError::Missing { .. } | SpoolError::Damaged { .. }) => {
                return Err(OperatorError::NoFile);
            }
            Err(error) => return Err(OperatorError::Failed(error.into())),
        }
        let subject = asset.to_string();
        let entry = self.entry(operator, ("quarantine.retry", &subject), &row);
        if !self.catalog.requeue(asset, self.spool.node(), &entry).await? {
            return Err(self.not_quarantined(asset).await);
        }
        tracing::info!(%asset, "an operator took an asset out of quarantine");
        self.bell.notify_one();
        Ok(())
    }

    /// Gives a quarantined asset up. The row says so first, in one transaction with what the
    /// recording owes without it; then its spool file is destroyed. A crash in between is mended at
    /// the next start.
    ///
    /// # Errors
    /// [`OperatorError`].
    pub async fn erase_quarantined(
        &self,
        operator: Operator<'_>,
        asset: AssetId,
    ) -> Result<(), OperatorError> {
        let row = self.quarantined_here(operator, asset).await?;
        let subject = asset.to_string();
        let entry = self.entry(operator, ("quarantine.erase", &subject), &row);
        match self.catalog.erase_quarantined(&row, &self.targets, &entry).await? {
            Erasing::Erased => {}
            Erasing::NotQuarantined => return Err(self.not_quarantined(asset).await),
            Erasing::Held => return Err(OperatorError::Held),
        }
        tracing::warn!(%asset, "an operator erased an asset from quarantine");
        self.announce(MediaState::Erased);
        if let Err(error) = self.destroy(asset).await {
            // The row is what counts: the next start destroys what it does not need.
            tracing::error!(%asset, error = chain(&error), "a spool file is left until the next start");
        }
        Ok(())
    }

    async fn quarantined_here(
        &self,
        operator: Operator<'_>,
        asset: AssetId,
    ) -> Result<MediaRow, OperatorError> {
        let row = self.catalog.asset(asset).await?;
        let row = row.filter(|row| row.tenant == *operator.tenant);
        let row = row.ok_or(OperatorError::Unknown)?;
        if row.state != MediaState::Quarantined {
            return Err(OperatorError::NotQuarantined { state: row.state });
        }
        match &row.node {
            Some(node) if node != self.spool.node() => {
                Err(OperatorError::Elsewhere { node: node.clone() })
            }
            _ => Ok(row),
        }
    }

    /// Somebody else was faster.
    async fn not_quarantined(&self, asset: AssetId) -> OperatorError {
        match self.catalog.asset(asset).await {
            Ok(Some(row)) => OperatorError::NotQuarantined { state: row.state },
            Ok(None) => OperatorError::Unknown,
            Err(error) => error.into(),
        }
    }

    fn entry<'e>(
        &self,
        operator: Operator<'e>,
        (action, subject): (&'e str, &'e str),
        row: &MediaRow,
    ) -> AuditEntry<'e> {
        AuditEntry {
            tenant: operator.tenant,
            actor: operator.name,
            action,
            subject,
            detail: json!({
                "recordingId": row.recording_id,
                "mediaId": row.media_id,
                "reason": row.reason,
                "bytes": row.upload_bytes,
                "sha256": row.upload_sha256,
            }),
            now: self.clock.now(),
        }
    }
}
