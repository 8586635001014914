//! Permanent links to files in the store: one for each file at a time.

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, micros};
use crate::asset::{AssetId, Digest, TenantId};

/// A link as a row. The token is not in it, only its digest and what it is made of again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StorageLinkRow {
    /// Tenant.
    pub tenant: TenantId,
    /// The file, or the archive.
    pub asset_id: AssetId,
    /// The link key that the token is made with.
    pub key_id: String,
    /// What else it is made of.
    pub nonce: String,
    /// Whether it was taken back.
    pub revoked: bool,
}

/// What becomes of the links that an asset has, when it gets another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtherLinks {
    /// There are none; nothing is added otherwise.
    Absent,
    /// They stay good.
    Stay,
    /// They are taken back.
    End,
}

type Columns = (String, String, String, String, Option<i64>);

const COLUMNS: &str = "SELECT tenant, asset_id, key_id, nonce, revoked_us FROM storage_links";
const REVOKE: &str = "UPDATE storage_links SET revoked_us = $2 \
                      WHERE asset_id = $1 AND revoked_us IS NULL";

fn read((tenant, asset, key_id, nonce, revoked): Columns) -> Result<StorageLinkRow, CatalogError> {
    Ok(StorageLinkRow {
        tenant: TenantId::parse(&tenant).map_err(|error| CatalogError::row(&asset, error))?,
        asset_id: AssetId::parse(&asset).ok_or_else(|| CatalogError::row(&asset, "asset id"))?,
        key_id,
        nonce,
        revoked: revoked.is_some(),
    })
}

impl Catalog {
    /// The newest link of an asset, taken back or not.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn storage_link(
        &self,
        asset: AssetId,
    ) -> Result<Option<StorageLinkRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!(
            "{COLUMNS} WHERE asset_id = $1 ORDER BY CASE WHEN revoked_us IS NULL THEN 0 ELSE 1 END, \
             created_us DESC LIMIT 1"
        ));
        let row: Option<Columns> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(asset.to_string()).fetch_optional(pool).await?
        });
        row.map(read).transpose()
    }

    /// The link whose token has this digest.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn storage_link_by_token(
        &self,
        token: Digest,
    ) -> Result<Option<StorageLinkRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE token_sha256 = $1"));
        let row: Option<Columns> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(token.to_string()).fetch_optional(pool).await?
        });
        row.map(read).transpose()
    }

    /// Adds a link to an asset; false when others must be absent and one is there, taken back or not.
    /// The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn add_storage_link(
        &self,
        row: &StorageLinkRow,
        token: Digest,
        others: OtherLinks,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        // Held until the end, so that two requests do not make two links.
        let locks = [
            "UPDATE media SET position = position WHERE asset_id = $1",
            "UPDATE bundles SET attempts = attempts WHERE asset_id = $1",
        ];
        let add = "INSERT INTO storage_links (token_sha256, tenant, asset_id, key_id, nonce, \
                   created_us) SELECT $1,$2,$3,$4,$5,$6 WHERE NOT EXISTS \
                   (SELECT 1 FROM storage_links WHERE asset_id = $3 AND $7 = 1)";
        let asset = row.asset_id.to_string();
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for lock in locks {
                sqlx::query(lock).bind(&asset).execute(&mut *tx).await?;
            }
            if others == OtherLinks::End {
                let query = sqlx::query(REVOKE).bind(&asset).bind(micros(entry.now));
                query.execute(&mut *tx).await?;
            }
            let added = sqlx::query(add)
                .bind(token.to_string())
                .bind(row.tenant.as_str())
                .bind(&asset)
                .bind(&row.key_id)
                .bind(&row.nonce)
                .bind(micros(entry.now))
                .bind(i64::from(others == OtherLinks::Absent))
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if added == 0 {
                return Ok(false);
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(true)
        })
    }

    /// Takes the link of an asset back; false when there is none that is good. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn revoke_storage_link(
        &self,
        asset: AssetId,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(REVOKE).bind(asset.to_string()).bind(micros(entry.now));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
            Ok(true)
        })
    }
}
