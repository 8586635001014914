//! Access keys: what CXone's clients sign in with.

use jiff::Timestamp;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, micros};
use crate::asset::{Digest, TenantId};

/// How often the last use of a key is written at most, in microseconds.
const LAST_USED_STEP_US: i64 = 60_000_000;

/// An access key as a row.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct AccessKeyRow {
    /// Its id; unique over all tenants.
    pub id: String,
    /// Tenant.
    pub tenant: String,
    /// Login name of whom it signs in.
    pub principal: String,
    /// 0 when it signs nobody in.
    pub active: i64,
    /// When it was made, in microseconds since 1970-01-01 UTC.
    pub created_us: i64,
    /// When it was last used, to a minute; nothing when it never was.
    pub last_used_us: Option<i64>,
}

/// An access key together with the principal that it signs in.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct KeyHolder {
    /// Access key id.
    pub id: String,
    /// SHA-256 of its secret.
    pub secret_sha256: String,
    /// 0 when the key signs nobody in.
    pub active: i64,
    /// Which secret of the key it is.
    pub generation: i64,
    /// When the key was last used.
    pub last_used_us: Option<i64>,
    /// Tenant of both.
    pub tenant: String,
    /// Login name.
    pub name: String,
    /// Permission names, separated by blanks.
    pub permissions: String,
    /// 1 when the principal may not sign in.
    pub disabled: i64,
}

/// A key about to be made.
#[derive(Debug, Clone, Copy)]
pub struct NewAccessKey<'k> {
    /// Its id.
    pub id: &'k str,
    /// Login name of whom it signs in.
    pub principal: &'k str,
    /// SHA-256 of its secret.
    pub secret: Digest,
    /// Most keys that the principal may have, this one included.
    pub most: u32,
}

/// What became of a new key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyCreated {
    /// It is there.
    Yes,
    /// The tenant has no such principal.
    NoPrincipal,
    /// The principal has the most keys already.
    Limit,
}

/// What to change about a key; nothing is left as it is.
#[derive(Debug, Clone, Copy, Default)]
pub struct KeyChange {
    /// Whether it signs anybody in.
    pub active: Option<bool>,
    /// SHA-256 of a new secret; the old one is void.
    pub secret: Option<Digest>,
}

const COLUMNS: &str = "SELECT id, tenant, principal, active, created_us, last_used_us \
                       FROM access_keys";

impl Catalog {
    /// Makes a key for a principal of the entry's tenant, and writes the audit row that says so.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn create_access_key(
        &self,
        new: &NewAccessKey<'_>,
        entry: &AuditEntry<'_>,
    ) -> Result<KeyCreated, CatalogError> {
        // The update makes two creations for one principal count one after the other.
        let lock = "UPDATE principals SET disabled = disabled WHERE tenant = $1 AND name = $2";
        let count = "SELECT COUNT(*) FROM access_keys WHERE tenant = $1 AND principal = $2";
        let insert = "INSERT INTO access_keys (id, tenant, principal, secret_sha256, created_us) \
                      VALUES ($1,$2,$3,$4,$5)";
        let tenant = entry.tenant.as_str();
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(lock).bind(tenant).bind(new.principal);
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(KeyCreated::NoPrincipal);
            }
            let query = sqlx::query_scalar::<_, i64>(count).bind(tenant).bind(new.principal);
            if query.fetch_one(&mut *tx).await? >= i64::from(new.most) {
                return Ok(KeyCreated::Limit);
            }
            sqlx::query(insert)
                .bind(new.id)
                .bind(tenant)
                .bind(new.principal)
                .bind(new.secret.to_string())
                .bind(micros(entry.now))
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(KeyCreated::Yes)
    }

    /// A key of a tenant.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn access_key(
        &self,
        tenant: &TenantId,
        id: &str,
    ) -> Result<Option<AccessKeyRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE tenant = $1 AND id = $2"));
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).bind(id).fetch_optional(pool).await?
        }))
    }

    /// The keys of a tenant, or those of one principal of it, oldest first.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn access_keys(
        &self,
        tenant: &TenantId,
        principal: Option<&str>,
    ) -> Result<Vec<AccessKeyRow>, CatalogError> {
        let sql = format!(
            "{COLUMNS} WHERE tenant = $1 AND principal = COALESCE($2, principal) \
             ORDER BY created_us, id"
        );
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(principal)
                .fetch_all(pool)
                .await?
        }))
    }

    /// A key of any tenant with whom it signs in, whether or not either may.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn key_holder(&self, id: &str) -> Result<Option<KeyHolder>, CatalogError> {
        let sql = "SELECT k.id, k.secret_sha256, k.active, k.generation, k.last_used_us, \
                   p.tenant, p.name, p.permissions, p.disabled FROM access_keys k \
                   JOIN principals p ON p.tenant = k.tenant AND p.name = k.principal \
                   WHERE k.id = $1";
        Ok(on_read!(self, |pool| sqlx::query_as(sql).bind(id).fetch_optional(pool).await?))
    }

    /// Changes a key of the entry's tenant, and writes the audit row that says so; false when there
    /// is none. A key that was switched off, or has a new secret, takes its refresh tokens with it.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn change_access_key(
        &self,
        id: &str,
        change: KeyChange,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let update = "UPDATE access_keys SET active = COALESCE($3, active), \
                      secret_sha256 = COALESCE($4, secret_sha256), generation = generation + $5 \
                      WHERE tenant = $1 AND id = $2";
        let revoke = "DELETE FROM refresh_tokens WHERE access_key_id = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(update)
                .bind(entry.tenant.as_str())
                .bind(id)
                .bind(change.active.map(i64::from))
                .bind(change.secret.map(|secret| secret.to_string()))
                .bind(i64::from(change.secret.is_some()));
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            if change.active == Some(false) || change.secret.is_some() {
                sqlx::query(revoke).bind(id).execute(&mut *tx).await?;
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(true)
    }

    /// Removes a key of the entry's tenant with its refresh tokens, and writes the audit row that
    /// says so; false when there is none.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn remove_access_key(
        &self,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let delete = "DELETE FROM access_keys WHERE tenant = $1 AND id = $2";
        let revoke = "DELETE FROM refresh_tokens WHERE access_key_id = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(delete).bind(entry.tenant.as_str()).bind(id);
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(false);
            }
            sqlx::query(revoke).bind(id).execute(&mut *tx).await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(true)
    }

    /// Notes that a key was used, unless that was noted in the last minute.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn touch_access_key(
        &self,
        holder: &KeyHolder,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let due = micros(now).saturating_sub(LAST_USED_STEP_US);
        if holder.last_used_us.is_some_and(|last| last > due) {
            return Ok(());
        }
        // Asked again: several requests may have read the old time.
        let sql = "UPDATE access_keys SET last_used_us = $2 \
                   WHERE id = $1 AND (last_used_us IS NULL OR last_used_us <= $3)";
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(&holder.id).bind(micros(now)).bind(due).execute(pool).await?;
        });
        Ok(())
    }
}
