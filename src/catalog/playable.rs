//! What the playing side asks of an asset, whether it came in or is a rendition.

use jiff::Timestamp;

use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, instant, micros};
use crate::asset::{AssetId, TenantId};
use crate::catalog::audit::write_audit;

/// Whether an asset may be played now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldAsset {
    /// Whose it is.
    pub tenant: TenantId,
    /// Whether it is there.
    pub ready: bool,
    /// Links to it that were made up to here are void.
    pub revoked_before: Option<Timestamp>,
}

/// What is needed to read an asset that is there.
#[derive(Debug, Clone)]
pub struct StoredAsset {
    /// What was stored, as JSON.
    pub outcome: String,
    /// Digests of the stored object's segments, separated by blanks.
    pub segments: String,
}

impl Catalog {
    /// Whether an asset or rendition may be played.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn held_asset(&self, asset: AssetId) -> Result<Option<HeldAsset>, CatalogError> {
        let sql = "SELECT a.tenant, a.state, (SELECT MAX(v.before_us) FROM link_revocations v \
                   WHERE v.tenant = a.tenant AND (v.subject IN ('', $1, a.recording_id) OR v.subject \
                   IN (SELECT s.recording_id FROM bundle_sources s WHERE s.asset_id = $1))) \
                   FROM (SELECT tenant, state, recording_id FROM media WHERE asset_id = $1 \
                   UNION ALL SELECT tenant, state, recording_id FROM renditions \
                   WHERE asset_id = $1 \
                   UNION ALL SELECT tenant, state, '' FROM bundles WHERE asset_id = $1) a";
        let row: Option<(String, String, Option<i64>)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(asset.to_string()).fetch_optional(pool).await?
        });
        let Some((tenant, state, before)) = row else { return Ok(None) };
        let tenant = TenantId::parse(&tenant).map_err(|error| CatalogError::row(asset, error))?;
        let revoked_before = before.map(instant);
        Ok(Some(HeldAsset { tenant, ready: state == "ready", revoked_before }))
    }

    /// What is needed to read an asset or rendition; nothing while it is not ready.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn stored_asset(&self, asset: AssetId) -> Result<Option<StoredAsset>, CatalogError> {
        let sql = "SELECT outcome, segments FROM media WHERE asset_id = $1 AND state = 'ready' \
                   UNION ALL SELECT outcome, segments FROM renditions \
                   WHERE asset_id = $1 AND state = 'ready' \
                   UNION ALL SELECT outcome, segments FROM bundles \
                   WHERE asset_id = $1 AND state = 'ready'";
        let row: Option<(Option<String>, Option<String>)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(asset.to_string()).fetch_optional(pool).await?
        });
        Ok(row.and_then(|(outcome, segments)| {
            Some(StoredAsset { outcome: outcome?, segments: segments? })
        }))
    }

    /// Voids the links made until now: to `subject`, a recording or an asset, or all of the tenant's
    /// when it is empty. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn revoke_links(
        &self,
        tenant: &TenantId,
        subject: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        let sql = "INSERT INTO link_revocations (tenant, subject, before_us) VALUES ($1,$2,$3) \
                   ON CONFLICT (tenant, subject) DO UPDATE SET before_us = excluded.before_us";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(sql)
                .bind(tenant.as_str())
                .bind(subject)
                .bind(micros(entry.now))
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }
}
