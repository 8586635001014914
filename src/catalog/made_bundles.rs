//! Bundles that were made: they become rows unless something in them was deleted meanwhile.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::pool::on_write;
use super::{BundleRow, Catalog, CatalogError, OwedMessage, micros};
use crate::asset::RecordingId;

/// A bundle that was made, about to become a row.
#[derive(Debug, Clone)]
pub struct MadeBundle {
    /// What was stored, as JSON.
    pub outcome: String,
    /// Digests of the stored object's segments.
    pub segments: String,
    /// What became of each thing that was asked for, as JSON.
    pub parts: String,
    /// The recordings in it, each with how many of its media files were erased when it was read.
    pub sources: Vec<(RecordingId, usize)>,
    /// When it is removed.
    pub expires: Timestamp,
    /// What is owed with it.
    pub message: Option<OwedMessage>,
}

/// Writes what is owed about a bundle. Runs inside the caller's transaction.
macro_rules! owe {
    ($tx:expr, $row:expr, $message:expr, $now:expr) => {{
        let sql = "INSERT INTO deliveries (id, tenant, recording_id, target, state, body, \
                   run_at_us, created_us) VALUES ($1,$2,$3,$4,'pending',$5,$6,$6) \
                   ON CONFLICT (tenant, recording_id, target) DO NOTHING";
        sqlx::query(sql)
            .bind(uuid::Uuid::now_v7().to_string())
            .bind($row.tenant.as_str())
            .bind($row.asset_id.to_string())
            .bind(&$message.target)
            .bind(&$message.body)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
    }};
}

pub(super) use owe;

impl Catalog {
    /// A bundle was made. False when something in it was deleted meanwhile: then its object must go,
    /// and it is made anew.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish_bundle(
        &self,
        row: &BundleRow,
        made: &MadeBundle,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        // Locks a recording as a deletion does, so that it is either waited for or waits.
        let lock = "UPDATE recordings SET masks_complete = masks_complete \
                    WHERE tenant = $1 AND id = $2";
        let erased = "SELECT COUNT(*) FROM media WHERE tenant = $1 AND recording_id = $2 \
                      AND state = 'erased'";
        let (asset, tenant) = (row.asset_id, row.tenant.as_str());
        let sql = "UPDATE bundles SET state = 'ready', reason = NULL, outcome = $2, segments = $3, \
                   parts = $4, expires_us = $5, updated_us = $6, lease_until_us = 0 \
                   WHERE asset_id = $1";
        let source = "INSERT INTO bundle_sources (asset_id, recording_id) VALUES ($1,$2) \
                      ON CONFLICT (asset_id, recording_id) DO NOTHING";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            // In one order everywhere.
            let sources: BTreeMap<&str, usize> =
                made.sources.iter().map(|(id, count)| (id.as_str(), *count)).collect();
            for (recording, known) in sources {
                sqlx::query(lock).bind(tenant).bind(recording).execute(&mut *tx).await?;
                let query = sqlx::query_scalar(erased).bind(tenant).bind(recording);
                let count: i64 = query.fetch_one(&mut *tx).await?;
                if usize::try_from(count) != Ok(known) {
                    return Ok(false);
                }
                let query = sqlx::query(source).bind(asset.to_string()).bind(recording);
                query.execute(&mut *tx).await?;
            }
            sqlx::query(sql)
                .bind(asset.to_string())
                .bind(&made.outcome)
                .bind(&made.segments)
                .bind(&made.parts)
                .bind(micros(made.expires))
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
            if let Some(message) = &made.message {
                owe!(&mut tx, row, message, now);
            }
            tx.commit().await?;
            Ok(true)
        })
    }
}
