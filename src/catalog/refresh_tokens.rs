//! Refresh tokens: each is good once, and leads to the next of its family.

use jiff::Timestamp;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, micros};
use crate::asset::Digest;

/// A refresh token as a row.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow)]
pub struct RefreshRow {
    /// SHA-256 of the token.
    pub token_sha256: String,
    /// All that came out of one sign-in.
    pub family: String,
    /// The access key that signed in.
    pub access_key_id: String,
    /// Which secret of the key it was.
    pub generation: i64,
    /// From when on it is void, in microseconds since 1970-01-01 UTC.
    pub expires_us: i64,
    /// How often it was used.
    pub spent: i64,
}

/// What the use of a refresh token came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Spent {
    /// It was good, and the next one is there.
    Good,
    /// It had been used before: its family is void.
    Again,
    /// It is not there any more.
    Gone,
}

const INSERT: &str = "INSERT INTO refresh_tokens (token_sha256, family, access_key_id, generation, \
                      expires_us) VALUES ($1,$2,$3,$4,$5)";

/// Inserts a token inside the caller's transaction, and removes those of its key that have expired.
/// Those of other keys are left: two transactions that remove the same rows may lock each other out.
macro_rules! insert_refresh {
    ($tx:expr, $row:expr, $now:expr) => {{
        let row: &RefreshRow = $row;
        sqlx::query("DELETE FROM refresh_tokens WHERE access_key_id = $1 AND expires_us <= $2")
            .bind(&row.access_key_id)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
        sqlx::query(INSERT)
            .bind(&row.token_sha256)
            .bind(&row.family)
            .bind(&row.access_key_id)
            .bind(row.generation)
            .bind(row.expires_us)
            .execute(&mut **$tx)
            .await?;
    }};
}

impl Catalog {
    /// Writes the first token of a family, and the audit row of the sign-in that it belongs to.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn put_refresh_token(
        &self,
        row: &RefreshRow,
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            insert_refresh!(&mut tx, row, entry.now);
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }

    /// The token of this digest, if it has not expired.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn refresh_token(
        &self,
        token: Digest,
        now: Timestamp,
    ) -> Result<Option<RefreshRow>, CatalogError> {
        let sql = "SELECT token_sha256, family, access_key_id, generation, expires_us, spent \
                   FROM refresh_tokens WHERE token_sha256 = $1 AND expires_us > $2";
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql)
                .bind(token.to_string())
                .bind(micros(now))
                .fetch_optional(pool)
                .await?
        }))
    }

    /// Spends a token: writes the next one and `good`, the audit row of it. A token that was spent
    /// before takes its whole family with it, and `again` is written.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn spend_refresh_token(
        &self,
        token: &RefreshRow,
        next: &RefreshRow,
        good: &AuditEntry<'_>,
        again: &AuditEntry<'_>,
    ) -> Result<Spent, CatalogError> {
        let spend = "UPDATE refresh_tokens SET spent = spent + 1 WHERE token_sha256 = $1 \
                     RETURNING spent";
        let revoke = "DELETE FROM refresh_tokens WHERE family = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query_scalar::<_, i64>(spend).bind(&token.token_sha256);
            let spent = match query.fetch_optional(&mut *tx).await? {
                None => return Ok(Spent::Gone),
                Some(1) => {
                    insert_refresh!(&mut tx, next, good.now);
                    write_audit!(&mut tx, good);
                    Spent::Good
                }
                Some(_) => {
                    sqlx::query(revoke).bind(&token.family).execute(&mut *tx).await?;
                    write_audit!(&mut tx, again);
                    Spent::Again
                }
            };
            tx.commit().await?;
            Ok(spent)
        })
    }

    /// Voids the family of a token, and writes the audit row that says so.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn revoke_refresh_tokens(
        &self,
        token: &RefreshRow,
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        let revoke = "DELETE FROM refresh_tokens WHERE family = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(revoke).bind(&token.family).execute(&mut *tx).await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }
}
