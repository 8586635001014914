//! Retrieval jobs: requests to bring recordings back from the archive, until a day.

use jiff::Timestamp;
use sqlx::Row as _;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, Tier, instant, micros};
use crate::asset::TenantId;

/// Most jobs that are listed.
const MAX_LISTED: i64 = 100;

/// Which recordings are to be brought back; each condition narrows.
#[derive(Debug, Clone, Default)]
pub struct RetrievalFilter {
    /// One of these segments.
    pub segments: Vec<String>,
    /// One of these contacts, or of the contacts above them.
    pub contacts: Vec<String>,
    /// Begun in this stretch of time.
    pub between: Option<(Timestamp, Timestamp)>,
    /// The number that called.
    pub ani: Option<String>,
    /// The number that was called.
    pub dnis: Option<String>,
}

/// A job that is asked for.
#[derive(Debug, Clone, Copy)]
pub struct NewRetrieval<'n> {
    /// Its id.
    pub id: &'n str,
    /// Name for people.
    pub name: &'n str,
    /// Which recordings.
    pub filter: &'n RetrievalFilter,
    /// When they go back.
    pub until: Timestamp,
    /// Most recordings that one job may bring back.
    pub limit: usize,
}

/// What became of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum RetrievalAdded {
    /// So many recordings are brought back, or kept longer.
    Added(usize),
    /// Nothing of this is in the archive.
    Nothing,
    /// More than the limit are.
    TooMany,
}

/// A job as a row.
#[derive(Debug, Clone)]
pub struct RetrievalRow {
    /// Its id.
    pub id: String,
    /// Name for people.
    pub name: String,
    /// Login name of who asked.
    pub requested_by: String,
    /// When its recordings go back.
    pub until: Timestamp,
    /// Whether it was taken back.
    pub cancelled: bool,
    /// When it was asked for.
    pub created: Timestamp,
}

/// One recording of a job.
#[derive(Debug, Clone)]
pub struct RetrievalItem {
    /// Its segment.
    pub segment: String,
    /// Which store holds it.
    pub tier: Tier,
    /// Why it is not back.
    pub error: Option<String>,
    /// Length of what is stored of it, in bytes.
    pub bytes: u64,
}

const COLUMNS: &str = "SELECT id, name, requested_by, return_us, cancelled, created_us \
                       FROM retrieval_jobs";

macro_rules! retrieval_row {
    ($row:expr) => {{
        let row = $row;
        let cancelled: i64 = row.try_get("cancelled")?;
        Ok::<RetrievalRow, CatalogError>(RetrievalRow {
            id: row.try_get("id")?,
            name: row.try_get("name")?,
            requested_by: row.try_get("requested_by")?,
            until: instant(row.try_get("return_us")?),
            cancelled: cancelled != 0,
            created: instant(row.try_get("created_us")?),
        })
    }};
}

impl RetrievalFilter {
    /// The condition in SQL, with `$1` the tenant, and the texts that its other places stand for.
    fn condition(&self) -> (String, Vec<String>) {
        let mut sql =
            "r.tenant = $1 AND r.tier IN ('archived', 'restoring', 'returned')".to_owned();
        let mut values: Vec<String> = Vec::new();
        let mut places = |given: &[String]| {
            let first = values.len().saturating_add(2);
            values.extend(given.iter().cloned());
            let list: Vec<String> =
                (first..first.saturating_add(given.len())).map(|at| format!("${at}")).collect();
            list.join(",")
        };
        if !self.segments.is_empty() {
            sql.push_str(&format!(" AND r.segment_id IN ({})", places(&self.segments)));
        }
        if !self.contacts.is_empty() {
            let list = places(&self.contacts);
            sql.push_str(&format!(
                " AND (r.contact_id IN ({list}) OR r.master_contact_id IN ({list}))"
            ));
        }
        for (column, value) in [("caller_number", &self.ani), ("dialed_number", &self.dnis)] {
            if let Some(value) = value {
                let place = places(std::slice::from_ref(value));
                sql.push_str(&format!(" AND r.{column} = {place}"));
            }
        }
        if let Some((from, until)) = self.between {
            let (from, until) = (micros(from), micros(until));
            sql.push_str(&format!(" AND r.started_us >= {from} AND r.started_us < {until}"));
        }
        (sql, values)
    }
}

impl Catalog {
    /// Asks for recordings to be brought back until a day; those that are there stay until then at
    /// least. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn add_retrieval(
        &self,
        new: &NewRetrieval<'_>,
        entry: &AuditEntry<'_>,
    ) -> Result<RetrievalAdded, CatalogError> {
        let (condition, values) = new.filter.condition();
        let one_more = new.limit.saturating_add(1);
        let find = format!(
            "SELECT r.id FROM recordings r WHERE {condition} ORDER BY r.id LIMIT {one_more}"
        );
        let add = "INSERT INTO retrieval_jobs (id, tenant, name, requested_by, return_us, \
                   created_us) VALUES ($1,$2,$3,$4,$5,$6)";
        let item = "INSERT INTO retrieval_items (job_id, tenant, recording_id) VALUES ($1,$2,$3)";
        let want = "UPDATE recordings SET tier_until_us = CASE WHEN tier_until_us > $3 \
                    THEN tier_until_us ELSE $3 END, tier_run_us = CASE WHEN tier <> 'returned' \
                    THEN $4 WHEN tier_until_us > $3 THEN tier_until_us ELSE $3 END, \
                    tier = CASE WHEN tier = 'archived' THEN 'restoring' ELSE tier END, \
                    tier_error = NULL WHERE tenant = $1 AND id = $2 \
                    AND tier IN ('archived', 'restoring', 'returned')";
        let (tenant, now) = (entry.tenant.as_str(), micros(entry.now));
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let mut query = sqlx::query_scalar(sqlx::AssertSqlSafe(find)).bind(tenant);
            for value in &values {
                query = query.bind(value);
            }
            let found: Vec<String> = query.fetch_all(&mut *tx).await?;
            if found.is_empty() {
                return Ok(RetrievalAdded::Nothing);
            }
            if found.len() > new.limit {
                return Ok(RetrievalAdded::TooMany);
            }
            sqlx::query(add)
                .bind(new.id)
                .bind(tenant)
                .bind(new.name)
                .bind(entry.actor)
                .bind(micros(new.until))
                .bind(now)
                .execute(&mut *tx)
                .await?;
            for recording in &found {
                let query = sqlx::query(item).bind(new.id).bind(tenant).bind(recording);
                query.execute(&mut *tx).await?;
                let query = sqlx::query(want).bind(tenant).bind(recording);
                query.bind(micros(new.until)).bind(now).execute(&mut *tx).await?;
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(RetrievalAdded::Added(found.len()))
        })
    }

    /// One job of a tenant.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn retrieval(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<RetrievalRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 AND id = $2");
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str()).bind(id);
            query.fetch_optional(pool).await?.as_ref().map(|row| retrieval_row!(row)).transpose()
        })
    }

    /// The latest jobs of a tenant, the newest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn retrievals(&self, tenant: &TenantId) -> Result<Vec<RetrievalRow>, CatalogError> {
        let sql =
            format!("{COLUMNS} WHERE tenant = $1 ORDER BY created_us DESC, id LIMIT {MAX_LISTED}");
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str());
            query.fetch_all(pool).await?.iter().map(|row| retrieval_row!(row)).collect()
        })
    }

    /// The recordings of a job; those that were deleted are not among them.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn retrieval_items(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Vec<RetrievalItem>, CatalogError> {
        let sql = "SELECT r.segment_id, r.tier, r.tier_error, m.outcome FROM retrieval_items i \
                   JOIN recordings r ON r.tenant = i.tenant AND r.id = i.recording_id \
                   AND r.gone_us IS NULL LEFT JOIN media m ON m.tenant = r.tenant AND m.recording_id = r.id \
                   AND m.state IN ('ready', 'archived') \
                   WHERE i.tenant = $1 AND i.job_id = $2 ORDER BY r.id, m.position";
        let rows: Vec<(String, String, Option<String>, Option<String>)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).bind(id).fetch_all(pool).await?
        });
        let mut items: Vec<RetrievalItem> = Vec::new();
        for (segment, tier, error, outcome) in rows {
            let bytes = outcome.as_deref().map_or(0, stored_bytes);
            match items.last_mut().filter(|item| item.segment == segment) {
                Some(item) => item.bytes = item.bytes.saturating_add(bytes),
                None => {
                    let tier =
                        Tier::parse(&tier).ok_or_else(|| CatalogError::row(&segment, "tier"))?;
                    items.push(RetrievalItem { segment, tier, error, bytes });
                }
            }
        }
        Ok(items)
    }

    /// Takes a job back: its recordings go back now, unless another job keeps them. False when there
    /// is no such job. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn cancel_retrieval(
        &self,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let cancel = "UPDATE retrieval_jobs SET cancelled = 1 WHERE tenant = $1 AND id = $2 \
                      AND cancelled = 0";
        let until = "COALESCE((SELECT MAX(j.return_us) FROM retrieval_jobs j \
                     JOIN retrieval_items k ON k.job_id = j.id WHERE j.tenant = recordings.tenant \
                     AND k.tenant = recordings.tenant AND k.recording_id = recordings.id \
                     AND j.cancelled = 0), $3)";
        let shorten = format!(
            "UPDATE recordings SET tier_until_us = {until}, tier_run_us = CASE \
             WHEN tier = 'returned' THEN {until} ELSE tier_run_us END \
             WHERE tenant = $1 AND tier IN ('restoring', 'returned') AND id IN \
             (SELECT recording_id FROM retrieval_items WHERE job_id = $2 AND tenant = $1)"
        );
        let tenant = entry.tenant.as_str();
        Ok(on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(cancel).bind(tenant).bind(id);
            let known = query.execute(&mut *tx).await?.rows_affected() > 0;
            if known {
                let query = sqlx::query(sqlx::AssertSqlSafe(shorten)).bind(tenant).bind(id);
                query.bind(micros(entry.now)).execute(&mut *tx).await?;
                write_audit!(&mut tx, entry);
                tx.commit().await?;
            }
            known
        }))
    }
}

/// Length of the object that an outcome tells of, in bytes.
fn stored_bytes(outcome: &str) -> u64 {
    let outcome: Option<crate::asset::Outcome> = serde_json::from_str(outcome).ok();
    outcome.map_or(0, |outcome| outcome.stored.bytes)
}
