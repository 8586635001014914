//! Lists sound files that became ready before their tenant was served: by an earlier version, or before
//! a setting named it.

use std::sync::Arc;

use super::CallRecords;
use crate::asset::{Clock, Outcome, RecordingDocument, Rules};
use crate::catalog::{Catalog, CatalogError, MediaRow};

/// Files looked at in one step.
const STEP: u32 = 200;

/// Lists what is not listed.
#[derive(Clone)]
pub struct Lister {
    /// Rows.
    pub catalog: Catalog,
    /// Makes the records.
    pub records: Arc<CallRecords>,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl std::fmt::Debug for Lister {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lister")
    }
}

impl Lister {
    /// Looks at each sound file once. Nobody is told of records that are listed so late.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn run(&self) -> Result<u64, CatalogError> {
        let mut listed = 0;
        for client in &self.records.settings.clients {
            let mut after = None;
            loop {
                let rows = self.catalog.unlisted_media(&client.tenant, after, STEP).await?;
                let Some(last) = rows.last() else { break };
                after = Some(last.asset_id);
                for row in &rows {
                    listed += u64::from(self.list(row).await?);
                }
            }
        }
        Ok(listed)
    }

    async fn list(&self, row: &MediaRow) -> Result<bool, CatalogError> {
        let Some(recording) = self.catalog.recording(&row.tenant, &row.recording_id).await? else {
            return Ok(false);
        };
        let text = recording.document.to_string();
        let Ok(document) = RecordingDocument::parse(text.as_bytes(), Rules::Ingest) else {
            return Ok(false);
        };
        let outcome = row.outcome.as_deref().unwrap_or_default();
        let Ok(outcome) = serde_json::from_str::<Outcome>(outcome) else { return Ok(false) };
        let Some(mut record) = self.records.record(&document, row, &outcome) else {
            return Ok(false);
        };
        record.messages.clear();
        self.catalog.list_call_record(&record, self.clock.now()).await
    }
}
