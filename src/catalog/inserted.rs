//! What the insertion endpoint took in (the insertion API page of 2017-07-17).

use jiff::Timestamp;
use serde_json::Value;
use sqlx::Row as _;

use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, micros};
use crate::asset::{RecordingId, TenantId};

impl Catalog {
    /// Inserts a record, or merges its top-level members into the record of the same id. Answers
    /// how often this id was inserted, this time included.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn insert_record(
        &self,
        tenant: &TenantId,
        contact_center: &str,
        id: &RecordingId,
        record: &Value,
        now: Timestamp,
    ) -> Result<i64, CatalogError> {
        let select = "SELECT record, inserts FROM inserted_records \
                      WHERE tenant = $1 AND contact_center = $2 AND id = $3";
        let write = "INSERT INTO inserted_records \
                     (tenant, contact_center, id, record, inserts, created_us) \
                     VALUES ($1,$2,$3,$4,$5,$6) ON CONFLICT (tenant, contact_center, id) \
                     DO UPDATE SET record = excluded.record, inserts = excluded.inserts";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let found = sqlx::query(select)
                .bind(tenant.as_str())
                .bind(contact_center)
                .bind(id.as_str())
                .fetch_optional(&mut *tx)
                .await?;
            let (merged, inserts) = match found {
                None => (record.clone(), 1),
                Some(row) => {
                    let old: String = row.try_get("record")?;
                    let inserts: i64 = row.try_get("inserts")?;
                    (merge(&old, record, id)?, inserts.saturating_add(1))
                }
            };
            sqlx::query(write)
                .bind(tenant.as_str())
                .bind(contact_center)
                .bind(id.as_str())
                .bind(merged.to_string())
                .bind(inserts)
                .bind(micros(now))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(inserts)
        })
    }

    /// The record of `id`, and how often it was inserted.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn inserted_record(
        &self,
        tenant: &TenantId,
        contact_center: &str,
        id: &RecordingId,
    ) -> Result<Option<(Value, i64)>, CatalogError> {
        let sql = "SELECT record, inserts FROM inserted_records \
                   WHERE tenant = $1 AND contact_center = $2 AND id = $3";
        on_read!(self, |pool| {
            let row = sqlx::query(sql)
                .bind(tenant.as_str())
                .bind(contact_center)
                .bind(id.as_str())
                .fetch_optional(pool)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let text: String = row.try_get("record")?;
            let record =
                serde_json::from_str(&text).map_err(|error| CatalogError::row(id, error))?;
            Ok(Some((record, row.try_get("inserts")?)))
        })
    }
}

fn merge(old: &str, new: &Value, id: &RecordingId) -> Result<Value, CatalogError> {
    let mut merged: Value =
        serde_json::from_str(old).map_err(|error| CatalogError::row(id, error))?;
    if let (Some(target), Some(source)) = (merged.as_object_mut(), new.as_object()) {
        target.extend(source.iter().map(|(name, value)| (name.clone(), value.clone())));
    }
    Ok(merged)
}
