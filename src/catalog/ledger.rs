//! The mask ledger as the pipeline reads it.

use jiff::Timestamp;
use sqlx::Row as _;

use super::pool::on_read;
use super::{Catalog, CatalogError, instant};
use crate::asset::{InteractionId, Ruling, RulingKind, TenantId};

impl Catalog {
    /// The ledger of an interaction, by the instants on the recorder's clock; entries of one
    /// instant in the order in which they were written.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn rulings(
        &self,
        tenant: &TenantId,
        interaction: &InteractionId,
    ) -> Result<Vec<Ruling>, CatalogError> {
        let sql = "SELECT kind, recorder_at_us FROM ledger \
                   WHERE tenant = $1 AND interaction_id = $2 ORDER BY recorder_at_us, position";
        on_read!(self, |pool| {
            let query = sqlx::query(sql).bind(tenant.as_str()).bind(interaction.as_str());
            let mut rulings = Vec::new();
            for row in query.fetch_all(pool).await? {
                let kind: String = row.try_get("kind")?;
                let kind = RulingKind::parse(&kind)
                    .ok_or_else(|| CatalogError::row(interaction, "ledger kind"))?;
                rulings.push(Ruling { at: instant(row.try_get("recorder_at_us")?), kind });
            }
            Ok(rulings)
        })
    }

    /// When an interaction ended; the outer `None` when there is no such interaction, the inner one
    /// while it is live.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn interaction_end(
        &self,
        tenant: &TenantId,
        interaction: &InteractionId,
    ) -> Result<Option<Option<Timestamp>>, CatalogError> {
        let sql = "SELECT ended_us FROM interactions WHERE tenant = $1 AND id = $2";
        Ok(on_read!(self, |pool| {
            let query = sqlx::query_scalar(sql).bind(tenant.as_str()).bind(interaction.as_str());
            let found: Option<Option<i64>> = query.fetch_optional(pool).await?;
            found.map(|ended| ended.map(instant))
        }))
    }
}
