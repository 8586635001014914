//! Call records: written when a sound file is ready.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use sqlx::Row as _;

use super::media::{COLUMNS as MEDIA_COLUMNS, MediaRow, media_row};
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError};
use crate::asset::{AssetId, RecordingId, TenantId};

/// A message that is owed with a record.
#[derive(Debug, Clone)]
pub struct OwedMessage {
    /// To whom.
    pub target: String,
    /// What is said.
    pub body: String,
}

/// A call record about to become a row.
#[derive(Debug, Clone)]
pub struct NewCallRecord {
    /// The sound file.
    pub asset_id: AssetId,
    /// Tenant.
    pub tenant: TenantId,
    /// The recording that the file belongs to.
    pub recording_id: RecordingId,
    /// Its name for callers.
    pub record_uuid: String,
    /// The extension that was recorded.
    pub extension_id: i64,
    /// The group that the extension belongs to.
    pub extension_group_id: Option<i64>,
    /// The PBX's name of the call.
    pub call_uuid: String,
    /// When the call began.
    pub init: Timestamp,
    /// How long it was, in seconds.
    pub duration_s: u64,
    /// Length of the file, in bytes.
    pub bytes: u64,
    /// The object as callers get it, as JSON.
    pub shown: String,
    /// What is owed with it.
    pub messages: Vec<OwedMessage>,
}

/// A record that is asked for by its asset.
#[derive(Debug, Clone)]
pub struct CallRecordRow {
    /// Its name.
    pub record_uuid: String,
    /// The extension that was recorded.
    pub extension_id: i64,
    /// The group that the extension belongs to.
    pub extension_group_id: Option<i64>,
    /// The object as callers get it, as JSON.
    pub shown: String,
}

/// Lists a record, and writes what is owed with it. Runs inside the caller's transaction.
macro_rules! write_call_record {
    ($tx:expr, $record:expr, $now:expr) => {{
        let (record, now): (&$crate::catalog::NewCallRecord, Timestamp) = ($record, $now);
        let insert = "INSERT INTO call_records (asset_id, tenant, recording_id, record_uuid, \
                      extension_id, extension_group_id, call_uuid, init_us, month, duration_s, \
                      bytes, shown, listed_us) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) \
                      ON CONFLICT (asset_id) DO NOTHING";
        let number = |value: u64| i64::try_from(value).unwrap_or(i64::MAX);
        let listed = sqlx::query(insert)
            .bind(record.asset_id.to_string())
            .bind(record.tenant.as_str())
            .bind(record.recording_id.as_str())
            .bind(&record.record_uuid)
            .bind(record.extension_id)
            .bind(record.extension_group_id)
            .bind(&record.call_uuid)
            .bind($crate::catalog::micros(record.init))
            .bind($crate::catalog::call_records::month_of(record.init))
            .bind(number(record.duration_s))
            .bind(number(record.bytes))
            .bind(&record.shown)
            .bind($crate::catalog::micros(now))
            .execute(&mut **$tx)
            .await?
            .rows_affected();
        let owe = "INSERT INTO deliveries (id, tenant, recording_id, target, state, body, \
                   run_at_us, created_us) VALUES ($1,$2,$3,$4,'pending',$5,$6,$6) \
                   ON CONFLICT (tenant, recording_id, target) DO NOTHING";
        for message in &record.messages {
            sqlx::query(owe)
                .bind(uuid::Uuid::now_v7().to_string())
                .bind(record.tenant.as_str())
                // The subject: a file has its messages once.
                .bind(record.asset_id.to_string())
                .bind(&message.target)
                .bind(&message.body)
                .bind($crate::catalog::micros(now))
                .execute(&mut **$tx)
                .await?;
        }
        listed > 0
    }};
}

pub(super) use write_call_record;

/// Year times 100 plus month of an instant, in UTC.
pub(super) fn month_of(at: Timestamp) -> i64 {
    let date = TimeZone::UTC.to_datetime(at).date();
    i64::from(date.year()) * 100 + i64::from(date.month())
}

impl Catalog {
    /// Lists a record of a file that is ready; false when it is listed already.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn list_call_record(
        &self,
        record: &NewCallRecord,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        // Held, so that a deletion in between is seen.
        let lock = "UPDATE media SET position = position WHERE asset_id = $1 \
                    AND state IN ('ready', 'archived')";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let held = sqlx::query(lock).bind(record.asset_id.to_string());
            if held.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            let listed = write_call_record!(&mut tx, record, now);
            tx.commit().await?;
            Ok(listed)
        })
    }

    /// Media of a tenant that are in a store and not listed, by id, after `after`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn unlisted_media(
        &self,
        tenant: &TenantId,
        after: Option<AssetId>,
        limit: u32,
    ) -> Result<Vec<MediaRow>, CatalogError> {
        let sql = format!(
            "{MEDIA_COLUMNS} WHERE tenant = $1 AND asset_id > $2 AND state IN \
             ('ready', 'archived') AND NOT EXISTS (SELECT 1 FROM call_records c \
             WHERE c.asset_id = media.asset_id) ORDER BY asset_id LIMIT {limit}"
        );
        let after = after.map(|asset| asset.to_string()).unwrap_or_default();
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str()).bind(after);
            query.fetch_all(pool).await?.iter().map(|row| media_row!(row)).collect()
        })
    }

    /// The record of a file.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn call_record(
        &self,
        tenant: &TenantId,
        asset: AssetId,
    ) -> Result<Option<CallRecordRow>, CatalogError> {
        let sql = "SELECT record_uuid, extension_id, extension_group_id, shown FROM call_records \
                   WHERE tenant = $1 AND asset_id = $2";
        let row: Option<(String, i64, Option<i64>, String)> = on_read!(self, |pool| {
            let query = sqlx::query_as(sql).bind(tenant.as_str()).bind(asset.to_string());
            query.fetch_optional(pool).await?
        });
        Ok(row.map(|(record_uuid, extension_id, extension_group_id, shown)| CallRecordRow {
            record_uuid,
            extension_id,
            extension_group_id,
            shown,
        }))
    }
}
