//! Lists and sums of call records, by when the calls began.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::pool::on_read;
use super::{Catalog, CatalogError, micros};
use crate::asset::{AssetId, TenantId};

/// Whose records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum CallScope {
    /// All of the tenant.
    Client,
    /// Those of one group of extensions.
    Group(i64),
    /// Those of one extension.
    Extension(i64),
    /// Those of one extension in one group: group and extension.
    Member(i64, i64),
}

/// Which records; both instants are inside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CallFilter {
    /// Tenant.
    pub tenant: TenantId,
    /// Whose.
    pub scope: CallScope,
    /// First instant at which calls began.
    pub from: Timestamp,
    /// Last one.
    pub to: Timestamp,
    /// Shortest call, in seconds.
    pub min_duration_s: u64,
}

/// Which come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CallOrder {
    /// The oldest call.
    Ascending,
    /// The newest.
    Descending,
}

/// Where a listing begins.
#[derive(Debug, Clone)]
pub enum CallsFrom {
    /// After this record: its instant in microseconds, and its name.
    After(i64, String),
    /// After so many records.
    Offset(u64),
}

/// A record as it is listed.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct ListedCall {
    /// When the call began, in microseconds since 1970.
    pub init_us: i64,
    /// Its name.
    pub record_uuid: String,
    /// The object as callers get it, as JSON.
    pub shown: String,
}

/// A record with its file, for an archive.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct CallFile {
    /// When the call began, in microseconds since 1970.
    pub init_us: i64,
    /// Its name.
    pub record_uuid: String,
    /// The object as callers get it, as JSON.
    pub shown: String,
    /// The file.
    pub asset_id: String,
    /// The recording that the file belongs to.
    pub recording_id: String,
    /// `ready` or `archived`.
    pub state: String,
    /// What was stored, as JSON.
    pub outcome: Option<String>,
    /// How many files of the recording were erased.
    pub erased: i64,
}

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CallTotals {
    /// Records.
    pub count: u64,
    /// Bytes of their files.
    pub bytes: u64,
    /// When the last of them was listed, in microseconds since 1970.
    pub newest_us: i64,
}

/// How much there is of one month.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallMonth {
    /// Year times 100 plus month, in UTC.
    pub month: i64,
    /// Records.
    pub count: u64,
    /// Bytes of their files.
    pub bytes: u64,
}

impl CallScope {
    fn clause(self) -> String {
        match self {
            Self::Client => String::new(),
            Self::Group(id) => format!(" AND extension_group_id = {id}"),
            Self::Extension(id) => format!(" AND extension_id = {id}"),
            Self::Member(group, id) => {
                format!(" AND extension_group_id = {group} AND extension_id = {id}")
            }
        }
    }
}

impl CallFilter {
    /// Its condition, with parameters 1 to 4.
    fn clause(&self) -> String {
        let scope = self.scope.clause();
        format!("tenant = $1 AND init_us >= $2 AND init_us <= $3 AND duration_s >= $4{scope}")
    }

    fn least(&self) -> i64 {
        i64::try_from(self.min_duration_s).unwrap_or(i64::MAX)
    }
}

fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}

impl Catalog {
    /// At most `limit` records, in order of when the calls began; those of one instant by name.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_records(
        &self,
        filter: &CallFilter,
        order: CallOrder,
        from: &CallsFrom,
        limit: u32,
    ) -> Result<Vec<ListedCall>, CatalogError> {
        let (beyond, direction) = match order {
            CallOrder::Ascending => (">", "ASC"),
            CallOrder::Descending => ("<", "DESC"),
        };
        let (beginning, offset) = match from {
            CallsFrom::After(..) => (format!(" AND (init_us, record_uuid) {beyond} ($5, $6)"), 0),
            CallsFrom::Offset(offset) => {
                (String::new(), i64::try_from(*offset).unwrap_or(i64::MAX))
            }
        };
        let sql = format!(
            "SELECT init_us, record_uuid, shown FROM call_records WHERE {}{beginning} \
             ORDER BY init_us {direction}, record_uuid {direction} LIMIT {limit} OFFSET {offset}",
            filter.clause()
        );
        let sql = sqlx::AssertSqlSafe(sql);
        Ok(on_read!(self, |pool| {
            let query = sqlx::query_as(sql)
                .bind(filter.tenant.as_str())
                .bind(micros(filter.from))
                .bind(micros(filter.to))
                .bind(filter.least());
            let query = match from {
                CallsFrom::After(at, name) => query.bind(*at).bind(name),
                CallsFrom::Offset(_) => query,
            };
            query.fetch_all(pool).await?
        }))
    }

    /// At most `limit` records with their files, the oldest first, after `after`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_files(
        &self,
        filter: &CallFilter,
        after: Option<(i64, &str)>,
        limit: u32,
    ) -> Result<Vec<CallFile>, CatalogError> {
        let beginning = after.map_or("", |_| " AND (init_us, record_uuid) > ($5, $6)");
        let sql = format!(
            "SELECT r.init_us, r.record_uuid, r.shown, r.asset_id, r.recording_id, m.state, \
             m.outcome, (SELECT COUNT(*) FROM media e WHERE e.tenant = r.tenant \
             AND e.recording_id = r.recording_id AND e.state = 'erased') AS erased \
             FROM (SELECT * FROM call_records WHERE {}{beginning} \
             ORDER BY init_us, record_uuid LIMIT {limit}) r \
             JOIN media m ON m.asset_id = r.asset_id ORDER BY r.init_us, r.record_uuid",
            filter.clause()
        );
        let sql = sqlx::AssertSqlSafe(sql);
        Ok(on_read!(self, |pool| {
            let query = sqlx::query_as(sql)
                .bind(filter.tenant.as_str())
                .bind(micros(filter.from))
                .bind(micros(filter.to))
                .bind(filter.least());
            let query = match after {
                Some((at, name)) => query.bind(at).bind(name),
                None => query,
            };
            query.fetch_all(pool).await?
        }))
    }

    /// How many records, and how much.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_totals(&self, filter: &CallFilter) -> Result<CallTotals, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*), CAST(COALESCE(SUM(bytes), 0) AS BIGINT), \
             COALESCE(MAX(listed_us), 0) FROM call_records WHERE {}",
            filter.clause()
        ));
        let (records, bytes, newest_us): (i64, i64, i64) = on_read!(self, |pool| {
            sqlx::query_as(sql)
                .bind(filter.tenant.as_str())
                .bind(micros(filter.from))
                .bind(micros(filter.to))
                .bind(filter.least())
                .fetch_one(pool)
                .await?
        });
        Ok(CallTotals { count: count(records), bytes: count(bytes), newest_us })
    }

    /// The same for each month until `to`, in order.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_months(
        &self,
        tenant: &TenantId,
        to: Timestamp,
    ) -> Result<Vec<CallMonth>, CatalogError> {
        let sql = "SELECT month, COUNT(*), CAST(SUM(bytes) AS BIGINT) FROM call_records \
                   WHERE tenant = $1 AND init_us <= $2 GROUP BY month ORDER BY month";
        let rows: Vec<(i64, i64, i64)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).bind(micros(to)).fetch_all(pool).await?
        });
        let month = |(month, records, bytes)| CallMonth {
            month,
            count: count(records),
            bytes: count(bytes),
        };
        Ok(rows.into_iter().map(month).collect())
    }

    /// The files of the records, at most `limit`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_assets(
        &self,
        filter: &CallFilter,
        limit: u32,
    ) -> Result<Vec<AssetId>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT asset_id FROM call_records WHERE {} ORDER BY init_us, record_uuid LIMIT {limit}",
            filter.clause()
        ));
        let assets: Vec<String> = on_read!(self, |pool| {
            sqlx::query_scalar(sql)
                .bind(filter.tenant.as_str())
                .bind(micros(filter.from))
                .bind(micros(filter.to))
                .bind(filter.least())
                .fetch_all(pool)
                .await?
        });
        let read = |text: String| {
            AssetId::parse(&text).ok_or_else(|| CatalogError::row(&text, "asset id"))
        };
        assets.into_iter().map(read).collect()
    }

    /// The records of one call, the oldest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn records_of_call(
        &self,
        tenant: &TenantId,
        scope: CallScope,
        call_uuid: &str,
    ) -> Result<Vec<String>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT shown FROM call_records WHERE tenant = $1 AND call_uuid = $2{} \
             ORDER BY init_us, record_uuid LIMIT 1000",
            scope.clause()
        ));
        Ok(on_read!(self, |pool| {
            sqlx::query_scalar(sql).bind(tenant.as_str()).bind(call_uuid).fetch_all(pool).await?
        }))
    }

    /// Whether a tenant has an extension or group: a record or a user of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn has_scope(
        &self,
        tenant: &TenantId,
        scope: CallScope,
    ) -> Result<bool, CatalogError> {
        let clause = scope.clause();
        let sql = sqlx::AssertSqlSafe(format!(
            "SELECT COUNT(*) FROM (SELECT 1 AS one FROM call_records WHERE tenant = $1{clause} \
             UNION ALL SELECT 1 AS one FROM principals WHERE tenant = $1{clause} LIMIT 1) found"
        ));
        let found: i64 = on_read!(self, |pool| {
            sqlx::query_scalar(sql).bind(tenant.as_str()).fetch_one(pool).await?
        });
        Ok(found > 0)
    }
}
