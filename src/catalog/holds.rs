//! Holds: nothing of a recording on hold is deleted, whoever asks.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, instant, micros};
use crate::asset::{RecordingId, TenantId};

/// A hold on a recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hold {
    /// Since when.
    pub since: Timestamp,
    /// Login name of who put it there.
    pub by: String,
    /// Why.
    pub reason: String,
}

/// Locks a recording as a deletion does, so that either sees the other's work. No rows when it is
/// not there.
const LOCK: &str = "UPDATE recordings SET masks_complete = masks_complete \
                    WHERE tenant = $1 AND id = $2 AND gone_us IS NULL";
const HELD: &str = "SELECT held_us FROM recordings WHERE tenant = $1 AND id = $2";

impl Catalog {
    /// Puts a recording on hold, in one transaction with the entry that tells of it. `Some(true)`
    /// when it was not on hold before; `Some(false)` when it was, and the reason is the new one now;
    /// nothing when there is no such recording, or nothing of it is left.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn hold(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        reason: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<Option<bool>, CatalogError> {
        let set = "UPDATE recordings SET held_us = COALESCE(held_us, $3), held_by = $4, \
                   hold_reason = $5 WHERE tenant = $1 AND id = $2";
        let (tenant, id) = (tenant.as_str(), recording.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let known = sqlx::query(LOCK).bind(tenant).bind(id).execute(&mut *tx).await?;
            if known.rows_affected() == 0 {
                return Ok(None);
            }
            let held = sqlx::query_scalar::<_, Option<i64>>(HELD).bind(tenant).bind(id);
            let held = held.fetch_one(&mut *tx).await?.is_some();
            sqlx::query(set)
                .bind(tenant)
                .bind(id)
                .bind(micros(entry.now))
                .bind(entry.actor)
                .bind(reason)
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(Some(!held))
        })
    }

    /// Takes a hold back. `Some(false)` when there was none; nothing when there is no such recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn release_hold(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        entry: &AuditEntry<'_>,
    ) -> Result<Option<bool>, CatalogError> {
        let set = "UPDATE recordings SET held_us = NULL, held_by = NULL, hold_reason = NULL \
                   WHERE tenant = $1 AND id = $2";
        let (tenant, id) = (tenant.as_str(), recording.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let known = sqlx::query(LOCK).bind(tenant).bind(id).execute(&mut *tx).await?;
            if known.rows_affected() == 0 {
                return Ok(None);
            }
            let held = sqlx::query_scalar::<_, Option<i64>>(HELD).bind(tenant).bind(id);
            if held.fetch_one(&mut *tx).await?.is_none() {
                return Ok(Some(false));
            }
            sqlx::query(set).bind(tenant).bind(id).execute(&mut *tx).await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(Some(true))
        })
    }

    /// The hold on a recording, if there is one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn hold_of(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
    ) -> Result<Option<Hold>, CatalogError> {
        let sql = "SELECT held_us, held_by, hold_reason FROM recordings \
                   WHERE tenant = $1 AND id = $2 AND held_us IS NOT NULL";
        on_read!(self, |pool| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(recording.as_str());
            let Some(row) = query.fetch_optional(pool).await? else { return Ok(None) };
            let text = |name: &str| -> Result<String, sqlx::Error> {
                Ok(row.try_get::<Option<String>, _>(name)?.unwrap_or_default())
            };
            let since = instant(row.try_get("held_us")?);
            Ok(Some(Hold { since, by: text("held_by")?, reason: text("hold_reason")? }))
        })
    }
}
