//! How bundles end: made, given up, put off, removed.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::bundles::{COLUMNS, bundle_row};
use super::made_bundles::owe;
use super::pool::{on_read, on_write};
use super::{AuditEntry, BundleRow, Catalog, CatalogError, OwedMessage, instant, micros};
use super::{BundleKind, BundleState};
use crate::asset::{AssetId, TenantId};

/// What became of the wish for an archive of call records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Queued {
    /// It is new.
    New,
    /// The same was asked for before, and is not made yet.
    Same(AssetId),
    /// Too many wait already.
    Full,
}

impl Catalog {
    /// Asks for an archive of call records, unless the same waits already, or `most` others do. The
    /// entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn queue_records(
        &self,
        asset: AssetId,
        request: &str,
        most: u32,
        entry: &AuditEntry<'_>,
    ) -> Result<Queued, CatalogError> {
        // Every request of a tenant waits for the one before.
        let lock = "UPDATE audit_heads SET number = number WHERE tenant = $1";
        let same = "SELECT asset_id FROM bundles WHERE tenant = $1 AND kind = 'records' \
                    AND state = 'wanted' AND request = $2 AND requested_by = $3 LIMIT 1";
        let waiting = "SELECT COUNT(*) FROM bundles WHERE tenant = $1 AND kind = 'records' \
                       AND state = 'wanted'";
        let add = "INSERT INTO bundles (asset_id, tenant, kind, request, requested_by, state, \
                   run_at_us, created_us, updated_us) VALUES ($1,$2,'records',$3,$4,'wanted',$5,$5,$5)";
        let tenant = entry.tenant.as_str();
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(lock).bind(tenant).execute(&mut *tx).await?;
            let query = sqlx::query_scalar(same).bind(tenant).bind(request).bind(entry.actor);
            let known: Option<String> = query.fetch_optional(&mut *tx).await?;
            if let Some(known) = known {
                let asset = AssetId::parse(&known);
                let asset = asset.ok_or_else(|| CatalogError::row(&known, "asset id"))?;
                return Ok(Queued::Same(asset));
            }
            let count: i64 = sqlx::query_scalar(waiting).bind(tenant).fetch_one(&mut *tx).await?;
            if count >= i64::from(most) {
                return Ok(Queued::Full);
            }
            sqlx::query(add)
                .bind(asset.to_string())
                .bind(tenant)
                .bind(request)
                .bind(entry.actor)
                .bind(micros(entry.now))
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(Queued::New)
        })
    }

    /// Whose a bundle is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn bundle_tenant(&self, asset: AssetId) -> Result<Option<TenantId>, CatalogError> {
        let sql = "SELECT tenant FROM bundles WHERE asset_id = $1";
        let tenant: Option<String> = on_read!(self, |pool| {
            sqlx::query_scalar(sql).bind(asset.to_string()).fetch_optional(pool).await?
        });
        let bad = |error| CatalogError::row(asset, error);
        tenant.map(|text| TenantId::parse(&text).map_err(bad)).transpose()
    }

    /// A bundle cannot be made; `message` is owed.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn fail_bundle(
        &self,
        row: &BundleRow,
        (reason, parts): (&str, Option<&str>),
        message: Option<&OwedMessage>,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE bundles SET state = 'failed', reason = $2, parts = $3, updated_us = $4, \
                   lease_until_us = 0 WHERE asset_id = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(sql).bind(row.asset_id.to_string()).bind(reason);
            query.bind(parts).bind(micros(now)).execute(&mut *tx).await?;
            if let Some(message) = message {
                owe!(&mut tx, row, message, now);
            }
            tx.commit().await?;
        });
        Ok(())
    }

    /// A bundle waits for another try, at an instant; whether the one before counts.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn postpone_bundle(
        &self,
        asset: AssetId,
        (run_at, counts): (Timestamp, bool),
        reason: &str,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE bundles SET run_at_us = $2, reason = $3, lease_until_us = 0, \
                   attempts = attempts - $4 WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(asset.to_string()).bind(micros(run_at)).bind(reason);
            query.bind(i64::from(!counts)).execute(pool).await?;
        });
        Ok(())
    }

    /// At start: what this node was making when it stopped is due again at once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_bundles(&self, node: &str) -> Result<u64, CatalogError> {
        let sql = "UPDATE bundles SET lease_until_us = 0 \
                   WHERE lease_owner = $1 AND state = 'wanted' AND lease_until_us > 0";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(node).execute(pool).await?.rows_affected()
        }))
    }

    /// A bundle whose time is over, if there is one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn overdue_bundle(&self, now: Timestamp) -> Result<Option<BundleRow>, CatalogError> {
        let sql = format!(
            "{COLUMNS} WHERE state = 'ready' AND expires_us <= $1 ORDER BY expires_us LIMIT 1"
        );
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(now));
            query.fetch_optional(pool).await?.as_ref().map(|row| bundle_row!(row)).transpose()
        })
    }

    /// The time of a bundle is over: nobody gets it any more.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn expire_bundle(&self, asset: AssetId, now: Timestamp) -> Result<(), CatalogError> {
        let sql = "UPDATE bundles SET state = 'expired', updated_us = $2 WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(asset.to_string()).bind(micros(now)).execute(pool).await?;
        });
        Ok(())
    }
}
