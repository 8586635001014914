//! Who may call.

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, micros};
use crate::asset::{Digest, TenantId};

/// A user, appliance, application or operator, as a row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PrincipalRow {
    /// Tenant.
    pub tenant: String,
    /// Login name; unique over all tenants, because Basic credentials name no tenant.
    pub name: String,
    /// `operator`, `appliance`, `user`, `application`.
    pub kind: String,
    /// Permission names, separated by blanks.
    pub permissions: String,
    /// Argon2id hash in PHC form.
    pub password_hash: Option<String>,
    /// 1 when it may not sign in.
    pub disabled: i64,
    /// The extension that it sees, if it sees one only.
    pub extension_id: Option<i64>,
    /// The group of extensions that it sees, if it sees one only.
    pub extension_group_id: Option<i64>,
    /// Where its clock is, such as `Europe/Moscow`.
    pub timezone: Option<String>,
    /// OAuth 2.0 grants that an application may use, separated by blanks.
    pub grants: Option<String>,
    /// How much an application's tokens allow: `call` or `all`.
    pub access_level: Option<String>,
}

const COLUMNS: &str = "SELECT tenant, name, kind, permissions, password_hash, disabled, \
                       extension_id, extension_group_id, timezone, grants, access_level \
                       FROM principals";

impl Catalog {
    /// Writes a principal, and the audit row that says so; one of the same name is replaced.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn put_principal(
        &self,
        row: &PrincipalRow,
        token: Option<Digest>,
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        let sql = "INSERT INTO principals (tenant, name, kind, permissions, password_hash, \
                   token_sha256, disabled, created_us, extension_id, extension_group_id, \
                   timezone, grants, access_level) \
                   VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9,$10,$11,$12,$13) \
                   ON CONFLICT (tenant, name) DO UPDATE SET kind = excluded.kind, \
                   permissions = excluded.permissions, password_hash = excluded.password_hash, \
                   token_sha256 = excluded.token_sha256, disabled = excluded.disabled, \
                   extension_id = excluded.extension_id, \
                   extension_group_id = excluded.extension_group_id, \
                   timezone = excluded.timezone, grants = excluded.grants, \
                   access_level = excluded.access_level";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(sql)
                .bind(&row.tenant)
                .bind(&row.name)
                .bind(&row.kind)
                .bind(&row.permissions)
                .bind(&row.password_hash)
                .bind(token.map(|token| token.to_string()))
                .bind(row.disabled)
                .bind(micros(entry.now))
                .bind(row.extension_id)
                .bind(row.extension_group_id)
                .bind(&row.timezone)
                .bind(&row.grants)
                .bind(&row.access_level)
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }

    /// The principal whose token has this digest.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn principal_by_token(
        &self,
        token: Digest,
    ) -> Result<Option<PrincipalRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE token_sha256 = $1"));
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql).bind(token.to_string()).fetch_optional(pool).await?
        }))
    }

    /// The principal of this login name.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn principal_by_name(
        &self,
        name: &str,
    ) -> Result<Option<PrincipalRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE name = $1"));
        Ok(on_read!(self, |pool| sqlx::query_as(sql).bind(name).fetch_optional(pool).await?))
    }

    /// All principals of a tenant, by name.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn principals(&self, tenant: &TenantId) -> Result<Vec<PrincipalRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE tenant = $1 ORDER BY name"));
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).fetch_all(pool).await?
        }))
    }

    /// Removes a principal of the entry's tenant with its access keys, and writes the audit row that
    /// says so; false when there was none. A later principal of the same name gets none of them.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn remove_principal(
        &self,
        name: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let sql = "DELETE FROM principals WHERE tenant = $1 AND name = $2";
        let tokens = "DELETE FROM refresh_tokens WHERE access_key_id IN \
                      (SELECT id FROM access_keys WHERE tenant = $1 AND principal = $2)";
        let keys = "DELETE FROM access_keys WHERE tenant = $1 AND principal = $2";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(sql).bind(entry.tenant.as_str()).bind(name);
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            for sql in [tokens, keys] {
                let query = sqlx::query(sql).bind(entry.tenant.as_str()).bind(name);
                query.execute(&mut *tx).await?;
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(true)
    }
}
