//! Deliveries as operators see them: a list, and another try for what was given up.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::deliveries::delivery_row;
use super::pool::{on_read, on_write};
use super::{
    AuditEntry, Catalog, CatalogError, Delivery, DeliveryState, DeliveryTry, instant, micros,
};
use crate::asset::{RecordingId, TenantId};

/// What became of the wish for another try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryRetry {
    /// It is due now.
    Due,
    /// The other side has it already.
    Delivered,
    /// No such delivery.
    Unknown,
}

const LISTED: &str = "SELECT d.id, d.tenant, d.recording_id, d.target, d.state, d.body, d.attempts, \
    d.forgiven, d.run_at_us, d.created_us, t.at_us, t.outcome, t.detail FROM deliveries d \
    LEFT JOIN delivery_tries t ON t.delivery_id = d.id AND t.attempt = d.attempts \
    WHERE d.tenant = $1";

impl Catalog {
    /// The deliveries of a tenant, each with its last try, the latest first, at most `limit`; in one
    /// state only, if it is given, and those after `after`: creation time and id of the last one of
    /// the page before.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn deliveries_page(
        &self,
        tenant: &TenantId,
        state: Option<DeliveryState>,
        after: Option<(Timestamp, &str)>,
        limit: u32,
    ) -> Result<Vec<(Delivery, Option<DeliveryTry>)>, CatalogError> {
        let condition = if state.is_some() { "d.state = $5" } else { "CAST($5 AS TEXT) = ''" };
        let sql = format!(
            "{LISTED} AND {condition} AND (d.created_us, d.id) < ($2, $3) \
             ORDER BY d.created_us DESC, d.id DESC LIMIT $4"
        );
        let (created, id) = after.map_or((i64::MAX, ""), |(at, id)| (micros(at), id));
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(created)
                .bind(id)
                .bind(i64::from(limit))
                .bind(state.map_or("", DeliveryState::name));
            let mut found = Vec::new();
            for row in &query.fetch_all(pool).await? {
                let at: Option<i64> = row.try_get("at_us")?;
                let last = match at {
                    Some(at) => Some(DeliveryTry {
                        at: instant(at),
                        outcome: row.try_get("outcome")?,
                        detail: row.try_get("detail")?,
                    }),
                    None => None,
                };
                found.push((delivery_row!(row)?, last));
            }
            Ok(found)
        })
    }

    /// Makes a delivery due now that the other side does not have yet, in one transaction with the
    /// entry that tells of it. Tries that were made before count no longer. One that was given up
    /// with a fixed body is read back before it is sent again: an earlier try may have arrived.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn retry_delivery(
        &self,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<DeliveryRetry, CatalogError> {
        let sql = "UPDATE deliveries SET run_at_us = $3, forgiven = attempts, state = CASE \
                   WHEN state <> 'dead' THEN state WHEN body IS NULL OR target <> 'rws' \
                   THEN 'pending' ELSE 'doubtful' END \
                   WHERE tenant = $1 AND id = $2 AND state <> 'delivered'";
        let known = "SELECT COUNT(*) FROM deliveries WHERE tenant = $1 AND id = $2";
        let tenant = entry.tenant.as_str();
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let due = sqlx::query(sql).bind(tenant).bind(id).bind(micros(entry.now));
            if due.execute(&mut *tx).await?.rows_affected() == 0 {
                let query = sqlx::query_scalar::<_, i64>(known).bind(tenant).bind(id);
                let known = query.fetch_one(&mut *tx).await? > 0;
                let delivered = DeliveryRetry::Delivered;
                return Ok(if known { delivered } else { DeliveryRetry::Unknown });
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(DeliveryRetry::Due)
        })
    }

    /// The recording that a delivery is about, for the entry that tells of a retry.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn delivery_about(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<(RecordingId, String)>, CatalogError> {
        let sql = "SELECT recording_id, target FROM deliveries WHERE tenant = $1 AND id = $2";
        let found: Option<(String, String)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).bind(id).fetch_optional(pool).await?
        });
        let Some((recording, target)) = found else { return Ok(None) };
        let recording =
            RecordingId::parse(&recording).map_err(|error| CatalogError::row(id, error))?;
        Ok(Some((recording, target)))
    }
}
