//! Walks a chain of the audit trail and names the first row that does not fit.

use serde::Serialize;

use super::IdentityError;
use crate::asset::{Digest, TenantId};
use crate::catalog::{AuditRow, Catalog};

/// Rows read at once.
const PAGE: u32 = 1000;

/// A chain that fits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuditSummary {
    /// Whose chain.
    pub tenant: String,
    /// How many rows.
    pub rows: i64,
    /// Its head: digest of the last row, or zeros. Kept elsewhere, it shows later that nothing up to
    /// here was changed, or cut off.
    pub head: String,
}

/// The first row of a chain that does not fit, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("tenant {tenant}, row {number}: {reason}")]
pub struct AuditFault {
    /// Whose chain.
    pub tenant: String,
    /// Number of the row.
    pub number: i64,
    /// What is wrong.
    pub reason: String,
}

/// How far a chain was followed.
struct Chain {
    tenant: String,
    number: i64,
    head: String,
}

impl Chain {
    fn of(tenant: &TenantId) -> Self {
        let head = AuditRow::NO_PREVIOUS.to_string();
        Self { tenant: tenant.to_string(), number: 0, head }
    }

    /// Takes the next row, if it fits.
    fn take(&mut self, row: &AuditRow) -> Result<(), AuditFault> {
        let expected = self.number.saturating_add(1);
        if row.number != expected {
            return Err(self.fault(expected, format!("is missing; row {} follows", row.number)));
        }
        if row.previous_sha256 != self.head {
            let text = "does not name the digest of the row before".to_owned();
            return Err(self.fault(expected, text));
        }
        let digest = row.digest().to_string();
        if row.sha256 != digest {
            return Err(self.fault(expected, format!("was changed: its digest is {digest}")));
        }
        (self.number, self.head) = (expected, digest);
        Ok(())
    }

    fn fault(&self, number: i64, reason: String) -> AuditFault {
        AuditFault { tenant: self.tenant.clone(), number, reason }
    }
}

/// Verifies a tenant's chain: every row, the gateway's own note of where it ends, and that it goes
/// through `head`, a digest that was kept elsewhere. The chain may have grown since.
///
/// # Errors
/// [`IdentityError::Catalog`]. What does not fit is no error: it is the answer.
pub async fn verify(
    catalog: &Catalog,
    tenant: &TenantId,
    head: Option<Digest>,
) -> Result<Result<AuditSummary, AuditFault>, IdentityError> {
    // Read first: rows that are written meanwhile only lengthen the chain.
    let noted = catalog.audit_head(tenant).await?;
    let mut chain = Chain::of(tenant);
    let mut open: Vec<(String, &str)> = Vec::new();
    open.extend(head.map(|head| (head.to_string(), "the head that was kept")));
    let is_noted = noted.is_some();
    open.extend(noted.map(|noted| (noted.sha256, "the gateway's note of its last row")));
    open.retain(|(digest, _)| *digest != chain.head);
    // From below the first number: a row that was put in there does not fit either.
    let mut from = i64::MIN;
    loop {
        let rows = catalog.audit_page(tenant, from, PAGE).await?;
        if rows.is_empty() {
            break;
        }
        for row in &rows {
            if let Err(fault) = chain.take(row) {
                return Ok(Err(fault));
            }
            open.retain(|(digest, _)| *digest != chain.head);
        }
        from = chain.number.saturating_add(1);
    }
    if chain.number > 0 && !is_noted {
        let text = "is the last, and the gateway's note of its last row is gone".to_owned();
        return Ok(Err(chain.fault(chain.number, text)));
    }
    if let Some((digest, what)) = open.first() {
        let next = chain.number.saturating_add(1);
        let text = format!("is missing: {what} is {digest}, and the chain ends before it");
        return Ok(Err(chain.fault(next, text)));
    }
    Ok(Ok(AuditSummary { tenant: chain.tenant, rows: chain.number, head: chain.head }))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// A chain of `count` rows, as the catalogue writes it.
    fn rows(count: i64) -> Vec<AuditRow> {
        let mut previous = AuditRow::NO_PREVIOUS.to_string();
        (1..=count)
            .map(|number| {
                let mut row = AuditRow {
                    tenant: "default".to_owned(),
                    number,
                    at_us: 1_800_000_000_000_000 + number,
                    actor: "kim".to_owned(),
                    action: "mask.start".to_owned(),
                    subject: number.to_string(),
                    detail: json!({}).to_string(),
                    previous_sha256: previous.clone(),
                    sha256: String::new(),
                };
                row.sha256 = row.digest().to_string();
                previous.clone_from(&row.sha256);
                row
            })
            .collect()
    }

    fn walk(rows: &[AuditRow]) -> Result<i64, i64> {
        let mut chain = Chain::of(&TenantId::default_tenant());
        for row in rows {
            chain.take(row).map_err(|fault| fault.number)?;
        }
        Ok(chain.number)
    }

    #[test]
    fn the_first_row_that_does_not_fit_is_named() {
        let good = rows(5);
        assert_eq!(walk(&good), Ok(5));
        let changed = |change: fn(&mut Vec<AuditRow>)| {
            let mut rows = good.clone();
            change(&mut rows);
            walk(&rows)
        };
        assert_eq!(changed(|rows| rows[2].actor.push('x')), Err(3));
        assert_eq!(changed(|rows| rows[2].at_us += 1), Err(3));
        // A digest that was made to fit the changed row parts it from the next.
        let mended = |rows: &mut Vec<AuditRow>| {
            rows[2].detail.push(' ');
            rows[2].sha256 = rows[2].digest().to_string();
        };
        assert_eq!(changed(mended), Err(4));
        assert_eq!(changed(|rows| drop(rows.remove(2))), Err(3));
        assert_eq!(changed(|rows| drop(rows.remove(0))), Err(1));
        assert_eq!(changed(|rows| rows.swap(1, 2)), Err(2));
        assert_eq!(changed(|rows| rows.insert(3, rows[3].clone())), Err(5));
        assert_eq!(changed(|rows| rows[4].sha256.clear()), Err(5));
        let before_the_first = |rows: &mut Vec<AuditRow>| {
            let mut row = rows[0].clone();
            row.number = 0;
            rows.insert(0, row);
        };
        assert_eq!(changed(before_the_first), Err(1));
    }
}
