//! The audit trail: who did what, one hash chain for each tenant.
//!
//! A row is written inside the transaction of what it tells of, so neither is there without the
//! other. Its digest covers all its fields and the digest of the row before, so a row that was
//! changed, removed or put in breaks the chain. What a chain cannot tell by itself is that its end
//! was cut off: for that somebody keeps its head elsewhere (`reelgate audit verify --head`).

use jiff::Timestamp;
use serde_json::Value;

use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, micros};
use crate::asset::{Digest, Hasher, TenantId};

/// What the digest of a row begins with; another layout gets another number.
const DOMAIN: &[u8] = b"reelgate audit v1\n";

/// Something that was done, about to be written.
#[derive(Debug, Clone)]
pub struct AuditEntry<'e> {
    /// Whose chain.
    pub tenant: &'e TenantId,
    /// Login name of who did it; `cli` for the command line, `system` for the gateway itself.
    pub actor: &'e str,
    /// What was done, as `noun.verb`: `token.issue`, `mask.start`.
    pub action: &'e str,
    /// To what: the name or id of one thing.
    pub subject: &'e str,
    /// More about it, as a JSON object. Never a secret.
    pub detail: Value,
    /// When.
    pub now: Timestamp,
}

/// A row of the trail, as it is stored: nothing here is known to be true before the chain is.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct AuditRow {
    /// Whose chain.
    pub tenant: String,
    /// Its place in the chain, from 1.
    pub number: i64,
    /// When, in microseconds since 1970-01-01 UTC.
    pub at_us: i64,
    /// Who.
    pub actor: String,
    /// What.
    pub action: String,
    /// To what.
    pub subject: String,
    /// More about it, as the text of a JSON object.
    pub detail: String,
    /// The digest of the row before; zeros in the first.
    pub previous_sha256: String,
    /// The digest of this row.
    pub sha256: String,
}

/// The end of a chain.
#[derive(Debug, Clone, PartialEq, Eq, sqlx::FromRow, serde::Serialize)]
pub struct AuditHead {
    /// Whose chain.
    pub tenant: String,
    /// Number of its last row; 0 when there is none.
    pub number: i64,
    /// Digest of its last row.
    pub sha256: String,
}

impl AuditRow {
    /// What stands before the first row of a chain.
    pub const NO_PREVIOUS: Digest = Digest::from_bytes([0; 32]);

    /// The row that follows `previous` at `number`.
    pub(super) fn following(entry: &AuditEntry<'_>, number: i64, previous: &str) -> Self {
        // PostgreSQL keeps no NUL in a text, and the digest covers what is kept.
        let text = |text: &str| text.replace('\0', "\u{fffd}");
        let mut row = Self {
            tenant: entry.tenant.to_string(),
            number,
            at_us: micros(entry.now),
            actor: text(entry.actor),
            action: text(entry.action),
            subject: text(entry.subject),
            // JSON writes a NUL as an escape.
            detail: entry.detail.to_string(),
            previous_sha256: previous.to_owned(),
            sha256: String::new(),
        };
        row.sha256 = row.digest().to_string();
        row
    }

    /// The digest that this row must have: SHA-256 over the domain, and then each field with its
    /// length before it, so that no two rows have one encoding. Lengths and numbers are eight bytes,
    /// big-endian.
    pub fn digest(&self) -> Digest {
        let mut hasher = Hasher::default();
        hasher.update(DOMAIN);
        let fields: [&[u8]; 8] = [
            self.tenant.as_bytes(),
            &self.number.to_be_bytes(),
            &self.at_us.to_be_bytes(),
            self.actor.as_bytes(),
            self.action.as_bytes(),
            self.subject.as_bytes(),
            self.detail.as_bytes(),
            self.previous_sha256.as_bytes(),
        ];
        for field in fields {
            hasher.update(&(field.len() as u64).to_be_bytes());
            hasher.update(field);
        }
        hasher.finish()
    }
}

/// Locks the end of a tenant's chain until the transaction ends, and reads it. The update changes
/// nothing: it is what makes a second node wait, on either database.
pub(super) const LOCK_HEAD: &str = "INSERT INTO audit_heads (tenant, number, sha256) \
     VALUES ($1, 0, $2) ON CONFLICT (tenant) DO UPDATE SET number = audit_heads.number \
     RETURNING tenant, number, sha256";

/// Writes an [`AuditEntry`] inside the caller's transaction. It locks the tenant's chain until that
/// transaction ends, so it stands last, before the commit: then two transactions never wait for
/// each other. For use inside `on_write!`, in a function that answers a [`CatalogError`].
macro_rules! write_audit {
    ($tx:expr, $entry:expr) => {{
        use $crate::catalog::audit::{AuditEntry, AuditHead, AuditRow, LOCK_HEAD};
        let entry: &AuditEntry<'_> = $entry;
        let head: AuditHead = sqlx::query_as(LOCK_HEAD)
            .bind(entry.tenant.as_str())
            .bind(AuditRow::NO_PREVIOUS.to_string())
            .fetch_one(&mut **$tx)
            .await?;
        let row = AuditRow::following(entry, head.number.saturating_add(1), &head.sha256);
        let insert = "INSERT INTO audit (tenant, number, at_us, actor, action, subject, detail, \
                      previous_sha256, sha256) VALUES ($1,$2,$3,$4,$5,$6,$7,$8,$9)";
        sqlx::query(insert)
            .bind(&row.tenant)
            .bind(row.number)
            .bind(row.at_us)
            .bind(&row.actor)
            .bind(&row.action)
            .bind(&row.subject)
            .bind(&row.detail)
            .bind(&row.previous_sha256)
            .bind(&row.sha256)
            .execute(&mut **$tx)
            .await?;
        sqlx::query("UPDATE audit_heads SET number = $2, sha256 = $3 WHERE tenant = $1")
            .bind(&row.tenant)
            .bind(row.number)
            .bind(&row.sha256)
            .execute(&mut **$tx)
            .await?;
    }};
}

/// The same for many entries of one tenant, at most as many as one statement takes.
macro_rules! write_audits {
    ($tx:expr, $tenant:expr, $entries:expr) => {{
        use $crate::catalog::audit::{AuditHead, AuditRow, LOCK_HEAD};
        let entries: &[$crate::catalog::AuditEntry<'_>] = $entries;
        let tenant: &$crate::asset::TenantId = $tenant;
        let mut head: AuditHead = sqlx::query_as(LOCK_HEAD)
            .bind(tenant.as_str())
            .bind(AuditRow::NO_PREVIOUS.to_string())
            .fetch_one(&mut **$tx)
            .await?;
        let insert = format!(
            "INSERT INTO audit (tenant, number, at_us, actor, action, subject, detail, \
             previous_sha256, sha256) VALUES {}",
            $crate::catalog::names::row_places(9, entries.len())
        );
        let mut query = sqlx::query(sqlx::AssertSqlSafe(insert));
        for entry in entries {
            let row = AuditRow::following(entry, head.number.saturating_add(1), &head.sha256);
            (head.number, head.sha256) = (row.number, row.sha256.clone());
            query = query.bind(row.tenant).bind(row.number).bind(row.at_us).bind(row.actor);
            query = query.bind(row.action).bind(row.subject).bind(row.detail);
            query = query.bind(row.previous_sha256).bind(row.sha256);
        }
        query.execute(&mut **$tx).await?;
        sqlx::query("UPDATE audit_heads SET number = $2, sha256 = $3 WHERE tenant = $1")
            .bind(tenant.as_str())
            .bind(head.number)
            .bind(&head.sha256)
            .execute(&mut **$tx)
            .await?;
    }};
}

pub(super) use {write_audit, write_audits};

impl Catalog {
    /// Writes one entry in a transaction of its own, for what changes no other row.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn audit(&self, entry: &AuditEntry<'_>) -> Result<(), CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }

    /// Rows of a tenant's chain from number `from` on, in order, at most `limit`.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn audit_page(
        &self,
        tenant: &TenantId,
        from: i64,
        limit: u32,
    ) -> Result<Vec<AuditRow>, CatalogError> {
        let sql = "SELECT tenant, number, at_us, actor, action, subject, detail, \
                   previous_sha256, sha256 FROM audit WHERE tenant = $1 AND number >= $2 \
                   ORDER BY number LIMIT $3";
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql)
                .bind(tenant.as_str())
                .bind(from)
                .bind(i64::from(limit))
                .fetch_all(pool)
                .await?
        }))
    }

    /// The end of a tenant's chain, as the gateway wrote it; nothing when it never wrote.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn audit_head(&self, tenant: &TenantId) -> Result<Option<AuditHead>, CatalogError> {
        let sql = "SELECT tenant, number, sha256 FROM audit_heads WHERE tenant = $1";
        Ok(on_read!(self, |pool| {
            sqlx::query_as(sql).bind(tenant.as_str()).fetch_optional(pool).await?
        }))
    }

    /// Every tenant that has a chain or a row of one, by name.
    ///
    /// # Errors
    /// [`CatalogError::Database`].
    pub async fn audited_tenants(&self) -> Result<Vec<TenantId>, CatalogError> {
        let sql = "SELECT tenant FROM audit_heads UNION SELECT tenant FROM audit ORDER BY tenant";
        let names: Vec<String> =
            on_read!(self, |pool| sqlx::query_scalar(sql).fetch_all(pool).await?);
        names
            .iter()
            .map(|name| TenantId::parse(name).map_err(|error| CatalogError::row(name, error)))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn entry(tenant: &TenantId) -> AuditEntry<'_> {
        AuditEntry {
            tenant,
            actor: "kim",
            action: "mask.start",
            subject: "contact 1",
            detail: json!({"userId": "7"}),
            now: Timestamp::from_microsecond(1_800_000_000_000_001).unwrap(),
        }
    }

    #[test]
    fn the_digest_of_a_row_is_fixed() {
        let tenant = TenantId::default_tenant();
        let row = AuditRow::following(&entry(&tenant), 1, &AuditRow::NO_PREVIOUS.to_string());
        // Computed beside this program, from the description in docs/operating.md.
        let mut message = b"reelgate audit v1\n".to_vec();
        for field in [
            b"default".as_slice(),
            &1_u64.to_be_bytes(),
            &1_800_000_000_000_001_u64.to_be_bytes(),
            b"kim",
            b"mask.start",
            b"contact 1",
            b"{\"userId\":\"7\"}",
            "0".repeat(64).as_bytes(),
        ] {
            message.extend_from_slice(&(field.len() as u64).to_be_bytes());
            message.extend_from_slice(field);
        }
        assert_eq!(row.sha256, Digest::of(&message).to_string());
        assert_eq!(row.digest().to_string(), row.sha256);
    }

    #[test]
    fn every_field_is_covered_and_moving_a_boundary_changes_the_digest() {
        let tenant = TenantId::default_tenant();
        let row = AuditRow::following(&entry(&tenant), 1, &AuditRow::NO_PREVIOUS.to_string());
        let changes: [fn(&mut AuditRow); 9] = [
            |row| row.tenant.push('x'),
            |row| row.number += 1,
            |row| row.at_us += 1,
            |row| row.actor.push('x'),
            |row| row.action.push('x'),
            |row| row.subject.push('x'),
            |row| row.detail.push(' '),
            |row| row.previous_sha256.replace_range(0..1, "1"),
            |row| {
                let last = row.actor.pop().unwrap();
                row.action.insert(0, last);
            },
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut changed = row.clone();
            change(&mut changed);
            assert_ne!(changed.digest(), row.digest(), "change {index}");
        }
    }

    #[test]
    fn a_nul_is_covered_as_it_is_kept() {
        let tenant = TenantId::default_tenant();
        let entry = AuditEntry { subject: "a\0b", ..entry(&tenant) };
        let row = AuditRow::following(&entry, 1, "");
        assert_eq!((row.subject.as_str(), row.digest().to_string()), ("a\u{fffd}b", row.sha256));
    }
}
