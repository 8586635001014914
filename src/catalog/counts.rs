//! How much work of a tenant waits, and how much of it failed.

use jiff::Timestamp;

use super::live_uploads::WAITS_FOR_END;
use super::pool::on_read;
use super::{Catalog, CatalogError, micros};
use crate::asset::TenantId;

/// The jobs of a tenant, on all nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JobCounts {
    /// All of them.
    pub total: i64,
    /// Due, and not begun.
    pub due: i64,
    /// Under way.
    pub running: i64,
    /// Put back after a failure; they are tried again by themselves.
    pub failed: i64,
    /// Waiting for the end of a call.
    pub waiting_for_call: i64,
}

/// Rows of one state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StateCount {
    /// The state.
    pub state: String,
    /// How many are in it.
    pub count: i64,
    /// How many of them are due now.
    pub due: i64,
}

impl Catalog {
    /// The jobs of a tenant.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn job_counts(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<JobCounts, CatalogError> {
        let sql = "SELECT COUNT(*), \
                   COUNT(CASE WHEN j.running = 0 AND j.run_at_us <= $2 THEN 1 END), \
                   COUNT(CASE WHEN j.running = 1 THEN 1 END), \
                   COUNT(CASE WHEN j.running = 0 AND j.last_error IS NOT NULL THEN 1 END), \
                   COUNT(CASE WHEN j.run_at_us = $3 THEN 1 END) \
                   FROM jobs j JOIN media m ON m.asset_id = j.asset_id WHERE m.tenant = $1";
        let (total, due, running, failed, waiting_for_call) = on_read!(self, |pool| {
            let query = sqlx::query_as(sql).bind(tenant.as_str()).bind(micros(now));
            query.bind(WAITS_FOR_END).fetch_one(pool).await?
        });
        Ok(JobCounts { total, due, running, failed, waiting_for_call })
    }

    /// The deliveries of a tenant by state.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn delivery_counts(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Vec<StateCount>, CatalogError> {
        self.counts("run_at_us", "deliveries", tenant, now).await
    }

    /// The renditions of a tenant by state.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn rendition_counts(
        &self,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Vec<StateCount>, CatalogError> {
        self.counts("run_at_us", "renditions", tenant, now).await
    }

    /// The media files of a tenant by state; none of them is ever due itself.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn tenant_media_counts(
        &self,
        tenant: &TenantId,
    ) -> Result<Vec<StateCount>, CatalogError> {
        // No row is older than that.
        self.counts("created_us", "media", tenant, Timestamp::MIN).await
    }

    async fn counts(
        &self,
        column: &str,
        table: &str,
        tenant: &TenantId,
        now: Timestamp,
    ) -> Result<Vec<StateCount>, CatalogError> {
        let sql = format!(
            "SELECT state, COUNT(*), COUNT(CASE WHEN {column} <= $2 THEN 1 END) FROM {table} \
             WHERE tenant = $1 GROUP BY state ORDER BY state"
        );
        let rows: Vec<(String, i64, i64)> = on_read!(self, |pool| {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql));
            query.bind(tenant.as_str()).bind(micros(now)).fetch_all(pool).await?
        });
        let of = |(state, count, due)| StateCount { state, count, due };
        Ok(rows.into_iter().map(of).collect())
    }
}
