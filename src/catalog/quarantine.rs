//! Assets in quarantine, and the one way out of it that an operator has: another try. The other end,
//! erasing, is in `endings.rs`.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::media::{COLUMNS, MediaRow, NO_REASON, media_row, move_on};
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, MediaState, instant, micros};
use crate::asset::{AssetId, TenantId};

impl Catalog {
    /// The quarantined assets of a tenant, each with the instant since when, the latest declared
    /// first, at most `limit`; those after `after`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn quarantined(
        &self,
        tenant: &TenantId,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<(MediaRow, Option<Timestamp>)>, CatalogError> {
        let since = "(SELECT MAX(s.at_us) FROM media_stages s WHERE s.asset_id = media.asset_id) \
                     AS since_us";
        let columns = COLUMNS.replace(" FROM media", &format!(", {since} FROM media"));
        let bound = if after.is_some() { "asset_id < $2" } else { "asset_id > $2" };
        let sql = format!(
            "{columns} WHERE tenant = $1 AND state = 'quarantined' AND {bound} \
             ORDER BY asset_id DESC LIMIT $3"
        );
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(after.map_or_else(String::new, |asset| asset.to_string()))
                .bind(i64::from(limit));
            let mut found = Vec::new();
            for row in &query.fetch_all(pool).await? {
                let since: Option<i64> = row.try_get("since_us")?;
                found.push((media_row!(row)?, since.map(instant)));
            }
            Ok(found)
        })
    }

    /// Takes an asset out of quarantine: spooled again, with a job of its node that is due now, in
    /// one transaction with the entry that tells of it. False when it is not quarantined any more.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn requeue(
        &self,
        asset: AssetId,
        node: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        // Locks the recording as the end of another of its media files does.
        let lock = "UPDATE recordings SET masks_complete = masks_complete WHERE (tenant, id) = \
                    (SELECT tenant, recording_id FROM media WHERE asset_id = $1)";
        let clear = "UPDATE media SET detail = NULL WHERE asset_id = $1";
        let job = "INSERT INTO jobs (asset_id, node, run_at_us) VALUES ($1,$2,$3)";
        let id = asset.to_string();
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(lock).bind(&id).execute(&mut *tx).await?;
            let (from, to) = (&[MediaState::Quarantined], MediaState::Spooled);
            if !move_on!(&mut tx, asset, from, to, NO_REASON, entry.now) {
                return Ok(false);
            }
            sqlx::query(clear).bind(&id).execute(&mut *tx).await?;
            let query = sqlx::query(job).bind(&id).bind(node).bind(micros(entry.now));
            query.execute(&mut *tx).await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(true)
        })
    }
}
