//! How much room a tenant uses, what of it is old enough to go, and who was told that it runs out.

use jiff::Timestamp;
use sqlx::Row as _;

use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, micros};
use crate::asset::{AssetId, RecordingId, TenantId};

/// What a tenant has in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SpaceUse {
    /// Bytes of its media; neither renditions nor bundles.
    pub bytes: u64,
    /// Media files.
    pub files: u64,
}

/// A mail that tells that a tenant's space runs out.
#[derive(Debug, Clone, Copy)]
pub struct SpaceWarning<'w> {
    /// To whom: the target of the delivery.
    pub target: &'w str,
    /// What is delivered.
    pub body: &'w str,
}

/// Recordings that are not on hold, and with which nothing more is to happen: nothing of them is on
/// its way, and nothing waits for an operator.
const SETTLED: &str = "r.tenant = $1 AND r.gone_us IS NULL AND r.held_us IS NULL \
    AND NOT EXISTS (SELECT 1 FROM media b WHERE b.tenant = r.tenant AND b.recording_id = r.id \
    AND b.state IN ('receiving', 'spooled', 'committing', 'quarantined'))";

impl Catalog {
    /// The assets of recordings that began before `before`, the oldest recordings first, of at most
    /// `limit` recordings. A recording whose beginning is not known is as old as its declaration.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn overdue_assets(
        &self,
        tenant: &TenantId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<AssetId>, CatalogError> {
        // A beginning that could not be read is the epoch.
        let sql = format!(
            "SELECT m.asset_id FROM media m JOIN (SELECT r.tenant, r.id, r.started_us \
             FROM recordings r WHERE r.started_us < $2 AND (r.started_us > 0 OR r.created_us < $2) \
             AND EXISTS (SELECT 1 FROM media e WHERE e.tenant = r.tenant \
             AND e.recording_id = r.id) AND {SETTLED} ORDER BY r.started_us, r.id LIMIT {limit}) o \
             ON o.tenant = m.tenant AND o.id = m.recording_id ORDER BY o.started_us, o.id"
        );
        on_read!(self, |pool| {
            let query = sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str());
            let ids: Vec<String> = query.bind(micros(before)).fetch_all(pool).await?;
            ids.iter().map(|id| asset(id)).collect()
        })
    }

    /// How much a tenant has in the store.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn space_used(&self, tenant: &TenantId) -> Result<SpaceUse, CatalogError> {
        let sql = "SELECT CAST(COALESCE(SUM(stored_bytes), 0) AS BIGINT), COUNT(*) FROM media \
                   WHERE tenant = $1 AND state = 'ready'";
        let (bytes, files): (i64, i64) = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).fetch_one(pool).await?
        });
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Ok(SpaceUse { bytes: count(bytes), files: count(files) })
    }

    /// The assets of the oldest recordings that are in the store and in no other, each with the
    /// bytes that its removal gives back, of at most `limit` recordings.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn oldest_assets(
        &self,
        tenant: &TenantId,
        limit: u32,
    ) -> Result<Vec<(RecordingId, AssetId, u64)>, CatalogError> {
        let sql = format!(
            "SELECT m.recording_id, m.asset_id, CASE WHEN m.state = 'ready' \
             THEN COALESCE(m.stored_bytes, 0) ELSE 0 END FROM media m JOIN (SELECT r.tenant, r.id, \
             r.started_us FROM recordings r WHERE r.tier = 'active' AND EXISTS (SELECT 1 \
             FROM media e WHERE e.tenant = r.tenant AND e.recording_id = r.id \
             AND e.state = 'ready') AND {SETTLED} AND r.started_us IS NOT NULL \
             ORDER BY r.started_us, r.id LIMIT {limit}) o \
             ON o.tenant = m.tenant AND o.id = m.recording_id \
             ORDER BY o.started_us, o.id, m.position"
        );
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str());
            let mut found = Vec::new();
            for row in query.fetch_all(pool).await? {
                let (recording, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let bytes: i64 = row.try_get(2)?;
                let recording = RecordingId::parse(&recording)
                    .map_err(|error| CatalogError::row(&id, error))?;
                found.push((recording, asset(&id)?, u64::try_from(bytes).unwrap_or(0)));
            }
            Ok(found)
        })
    }

    /// Notes that a tenant's space runs out, with the mail that tells of it, if there is one. False
    /// when that was noted before.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn warn_of_space(
        &self,
        tenant: &TenantId,
        mail: Option<SpaceWarning<'_>>,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let note = "INSERT INTO space_warnings (tenant, warned_us) VALUES ($1,$2) \
                    ON CONFLICT (tenant) DO NOTHING";
        let owe = "INSERT INTO deliveries (id, tenant, recording_id, target, state, body, \
                   run_at_us, created_us) VALUES ($1,$2,$3,$4,'pending',$5,$6,$6)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(note).bind(tenant.as_str()).bind(micros(now));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if let Some(mail) = mail {
                sqlx::query(owe)
                    .bind(uuid::Uuid::now_v7().to_string())
                    .bind(tenant.as_str())
                    .bind(uuid::Uuid::now_v7().to_string())
                    .bind(mail.target)
                    .bind(mail.body)
                    .bind(micros(now))
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(true)
        })
    }

    /// A tenant has room again: the next time that it runs out is told anew.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn forget_space_warning(&self, tenant: &TenantId) -> Result<bool, CatalogError> {
        let known = "SELECT COUNT(*) FROM space_warnings WHERE tenant = $1";
        let sql = "DELETE FROM space_warnings WHERE tenant = $1";
        // Mostly there is none: a look costs less than a write.
        let count: i64 = on_read!(self, |pool| {
            sqlx::query_scalar(known).bind(tenant.as_str()).fetch_one(pool).await?
        });
        if count == 0 {
            return Ok(false);
        }
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(tenant.as_str()).execute(pool).await?.rows_affected() > 0
        }))
    }
}

fn asset(id: &str) -> Result<AssetId, CatalogError> {
    AssetId::parse(id).ok_or_else(|| CatalogError::row(id, "asset id"))
}
