//! Removals: what is to go from the stores after a deletion, and the work of it.
//!
//! Any node can remove; a lease keeps two from the same work. What a move between the stores may
//! still be copying is not removed before the move has ended.

use jiff::Timestamp;
use sqlx::Row as _;

use super::names::on_names;
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, micros};
use crate::asset::TenantId;

/// How long a lease holds, in microseconds: longer than a batch takes.
const LEASE_US: i64 = 30 * 60 * 1_000_000;
/// Removals that one lease takes, at most.
const BATCH: i64 = 64;

/// How much a removal takes away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RemovalKind {
    /// The object of an asset, and everything in its folder, which is its own.
    Asset,
    /// One object.
    Object,
    /// Every object, and every attempt at one, whose name begins with this one.
    Begun,
}

impl RemovalKind {
    /// The name in rows.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Asset => "asset",
            Self::Object => "object",
            Self::Begun => "begun",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Asset, Self::Object, Self::Begun].into_iter().find(|kind| kind.name() == text)
    }
}

/// A removal that is due.
#[derive(Debug, Clone)]
pub struct Removal {
    /// Its id.
    pub id: String,
    /// Tenant.
    pub tenant: TenantId,
    /// How much.
    pub kind: RemovalKind,
    /// The name in the stores.
    pub object: String,
    /// Whether the archive may be the only store that has it.
    pub away: bool,
    /// How often it was begun, this time included.
    pub attempts: u32,
}

/// A removal about to become a row.
#[derive(Debug, Clone)]
pub(super) struct NewRemoval {
    /// The recording whose moves are waited for; empty for none.
    pub(super) recording: String,
    /// How much.
    pub(super) kind: RemovalKind,
    /// The name in the stores.
    pub(super) object: String,
    /// Whether the archive may be the only store that has it.
    pub(super) away: bool,
    /// When it is due, in microseconds.
    pub(super) run_at: i64,
}

/// Writes removals, inside the caller's transaction.
macro_rules! add_removals {
    ($tx:expr, $tenant:expr, $removals:expr, $now_us:expr) => {{
        let removals: &[$crate::catalog::removals::NewRemoval] = $removals;
        if !removals.is_empty() {
            let text = format!(
                "INSERT INTO removals (id, tenant, recording_id, kind, object, away, run_at_us, \
                 created_us) VALUES {}",
                $crate::catalog::names::row_places(8, removals.len())
            );
            let mut query = sqlx::query(sqlx::AssertSqlSafe(text));
            for removal in removals {
                query = query
                    .bind(uuid::Uuid::now_v7().to_string())
                    .bind($tenant)
                    .bind(removal.recording.as_str())
                    .bind(removal.kind.name())
                    .bind(removal.object.as_str())
                    .bind(i64::from(removal.away))
                    .bind(removal.run_at)
                    .bind($now_us);
            }
            query.execute(&mut **$tx).await?;
        }
    }};
}

pub(super) use add_removals;

impl Catalog {
    /// Leases the removals that have been due longest; none when none is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_removals(
        &self,
        node: &str,
        now: Timestamp,
    ) -> Result<Vec<Removal>, CatalogError> {
        // A move under way has read the rows from before the deletion: what it copies would come
        // back. A later one does not find it any more.
        let pick = format!(
            "SELECT v.id, v.tenant, v.kind, v.object, v.away, v.attempts FROM removals v \
             WHERE v.run_at_us <= $1 AND v.lease_until_us <= $1 AND NOT EXISTS (SELECT 1 \
             FROM recordings r WHERE r.tenant = v.tenant AND r.id = v.recording_id \
             AND r.tier_lease_us > $1) ORDER BY v.run_at_us, v.id LIMIT {BATCH}"
        );
        let lease = "UPDATE removals SET lease_owner = $1, lease_until_us = $2, \
                     attempts = attempts + 1 WHERE id IN ({names})";
        on_write!(self, |pool, begin, lock_rows| {
            let mut tx = pool.begin_with(begin).await?;
            let pick = sqlx::AssertSqlSafe(format!("{pick}{lock_rows}"));
            let (mut taken, mut ids) = (Vec::new(), Vec::new());
            for row in sqlx::query(pick).bind(micros(now)).fetch_all(&mut *tx).await? {
                let (id, tenant): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let (kind, away): (String, i64) = (row.try_get(2)?, row.try_get(4)?);
                let attempts: i64 = row.try_get(5)?;
                let bad = |detail: &str| CatalogError::row(&id, detail);
                ids.push(id.clone());
                taken.push(Removal {
                    tenant: TenantId::parse(&tenant).map_err(|_| bad("tenant"))?,
                    kind: RemovalKind::parse(&kind).ok_or_else(|| bad("kind"))?,
                    object: row.try_get(3)?,
                    away: away != 0,
                    attempts: u32::try_from(attempts.saturating_add(1)).unwrap_or(u32::MAX),
                    id,
                });
            }
            if ids.is_empty() {
                return Ok(Vec::new());
            }
            let until = micros(now).saturating_add(LEASE_US);
            on_names!(lease, [node, until], &ids).execute(&mut *tx).await?;
            tx.commit().await?;
            Ok(taken)
        })
    }

    /// Removals are done.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish_removals(&self, ids: &[String]) -> Result<(), CatalogError> {
        if ids.is_empty() {
            return Ok(());
        }
        let sql = "DELETE FROM removals WHERE id IN ({names})";
        on_write!(self, |pool, _begin, _lock| {
            on_names!(sql, [], ids).execute(pool).await?;
        });
        Ok(())
    }

    /// A removal waits for another try.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn postpone_removal(
        &self,
        id: &str,
        run_at: Timestamp,
        error: &str,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE removals SET run_at_us = $2, last_error = $3, lease_until_us = 0 \
                   WHERE id = $1";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(id).bind(micros(run_at)).bind(error);
            query.execute(pool).await?;
        });
        Ok(())
    }

    /// At start: what this node was removing when it stopped is due again at once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_removals(&self, node: &str) -> Result<u64, CatalogError> {
        let sql = "UPDATE removals SET lease_until_us = 0 \
                   WHERE lease_owner = $1 AND lease_until_us > 0";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(node).execute(pool).await?.rows_affected()
        }))
    }

    /// How many removals wait, and how many of them failed at least once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn removal_counts(&self) -> Result<(i64, i64), CatalogError> {
        let sql = "SELECT COUNT(*), COUNT(last_error) FROM removals";
        Ok(on_read!(self, |pool| sqlx::query_as(sql).fetch_one(pool).await?))
    }
}
