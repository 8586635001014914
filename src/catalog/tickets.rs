//! Tickets: whoever holds one may follow the permanent link of one contact or segment.

use jiff::Timestamp;

use super::audit::write_audit;
use super::pool::{on_read, on_write};
use super::{AuditEntry, Catalog, CatalogError, instant, micros};
use crate::asset::{Digest, TenantId};

/// A ticket as a row. The ticket itself is not in it, only its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TicketRow {
    /// Tenant.
    pub tenant: TenantId,
    /// Its name, by which it is taken back.
    pub id: String,
    /// `contact` or `segment`.
    pub kind: String,
    /// The id of that.
    pub subject: String,
    /// Who made it.
    pub issued_by: String,
    /// When.
    pub created: Timestamp,
}

/// What a row holds, as it is read.
type Columns = (String, String, String, String, String, i64);

const COLUMNS: &str =
    "SELECT tenant, id, kind, subject, issued_by, created_us FROM play_tickets WHERE ";

impl TicketRow {
    fn of((tenant, id, kind, subject, issued_by, created): Columns) -> Result<Self, CatalogError> {
        let tenant = TenantId::parse(&tenant).map_err(|error| CatalogError::row(&id, error))?;
        Ok(Self { tenant, id, kind, subject, issued_by, created: instant(created) })
    }
}

impl Catalog {
    /// Adds a ticket; the entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn add_ticket(
        &self,
        row: &TicketRow,
        ticket: Digest,
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        let sql = "INSERT INTO play_tickets (ticket_sha256, tenant, id, kind, subject, issued_by, \
                   created_us) VALUES ($1,$2,$3,$4,$5,$6,$7)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(sql)
                .bind(ticket.to_string())
                .bind(row.tenant.as_str())
                .bind(&row.id)
                .bind(&row.kind)
                .bind(&row.subject)
                .bind(&row.issued_by)
                .bind(micros(row.created))
                .execute(&mut *tx)
                .await?;
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }

    /// The ticket with this digest.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn ticket(&self, ticket: Digest) -> Result<Option<TicketRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} ticket_sha256 = $1"));
        let found: Option<Columns> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(ticket.to_string()).fetch_optional(pool).await?
        });
        found.map(TicketRow::of).transpose()
    }

    /// The tickets of a tenant, the oldest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn tickets(&self, tenant: &TenantId) -> Result<Vec<TicketRow>, CatalogError> {
        let sql = format!("{COLUMNS} tenant = $1 ORDER BY created_us, id");
        let found: Vec<Columns> = on_read!(self, |pool| {
            let query = sqlx::query_as(sqlx::AssertSqlSafe(sql)).bind(tenant.as_str());
            query.fetch_all(pool).await?
        });
        found.into_iter().map(TicketRow::of).collect()
    }

    /// Takes a ticket back; false when there is no such ticket. The entry tells of it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn remove_ticket(
        &self,
        tenant: &TenantId,
        id: &str,
        entry: &AuditEntry<'_>,
    ) -> Result<bool, CatalogError> {
        let sql = "DELETE FROM play_tickets WHERE tenant = $1 AND id = $2";
        Ok(on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(id);
            let removed = query.execute(&mut *tx).await?.rows_affected() > 0;
            if removed {
                write_audit!(&mut tx, entry);
                tx.commit().await?;
            }
            removed
        }))
    }
}
