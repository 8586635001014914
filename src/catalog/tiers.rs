//! Which store holds a recording, and the work of moving it.

use jiff::Timestamp;
use serde_json::json;
use sqlx::Row as _;

use super::audit::write_audit;
use super::media::{NO_REASON, move_on};
use super::pool::{on_read, on_write};
use super::renditions::{ALL_RENDITIONS, want_rendition};
use super::{AuditEntry, Catalog, CatalogError, MediaState, micros};
use crate::asset::{AssetId, RecordingId, TenantId};

/// How long a lease holds, in microseconds: longer than any move takes.
const LEASE_US: i64 = 60 * 60 * 1_000_000;
/// Most recordings that one sweep hands to the archive.
const SWEEP: i64 = 200;

/// Which store holds a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tier {
    /// The store, and no other.
    Active,
    /// The store; a copy to the archive is being made.
    Archiving,
    /// The archive; what is left in the store is being removed.
    Clearing,
    /// The archive, and no other.
    Archived,
    /// The archive; a copy to the store is being made.
    Restoring,
    /// Both, for a time.
    Returned,
}

impl Tier {
    /// The name in rows and answers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Archiving => "archiving",
            Self::Clearing => "clearing",
            Self::Archived => "archived",
            Self::Restoring => "restoring",
            Self::Returned => "returned",
        }
    }

    pub(super) fn parse(text: &str) -> Option<Self> {
        [
            Self::Active,
            Self::Archiving,
            Self::Clearing,
            Self::Archived,
            Self::Restoring,
            Self::Returned,
        ]
        .into_iter()
        .find(|tier| tier.name() == text)
    }
}

/// A move that is due.
#[derive(Debug, Clone)]
pub struct Move {
    /// Tenant.
    pub tenant: TenantId,
    /// What is moved.
    pub recording: RecordingId,
    /// From where on.
    pub tier: Tier,
    /// How often it was begun.
    pub attempts: u32,
}

impl Catalog {
    /// Hands recordings to the archive that were declared before `before`, of which everything is
    /// done, made and delivered. How many.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn hand_to_archive(
        &self,
        before: Timestamp,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let sql = format!(
            "UPDATE recordings SET tier = 'archiving', tier_run_us = $2, tier_attempts = 0 \
             WHERE tier = 'active' AND (tenant, id) IN (SELECT r.tenant, r.id FROM recordings r \
             WHERE r.tier = 'active' AND r.created_us <= $1 AND r.tier_error IS NULL \
             AND EXISTS (SELECT 1 FROM media m WHERE m.tenant = r.tenant \
             AND m.recording_id = r.id AND m.state = 'ready') \
             AND NOT EXISTS (SELECT 1 FROM media m WHERE m.tenant = r.tenant \
             AND m.recording_id = r.id AND m.state NOT IN ('ready', 'erased')) \
             AND NOT EXISTS (SELECT 1 FROM renditions n WHERE n.tenant = r.tenant \
             AND n.recording_id = r.id AND n.state = 'wanted') \
             AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.tenant = r.tenant \
             AND d.recording_id = r.id AND d.state IN ('pending', 'doubtful')) \
             ORDER BY r.created_us LIMIT {SWEEP})"
        );
        Ok(on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(micros(before));
            query.bind(micros(now)).execute(pool).await?.rows_affected()
        }))
    }

    /// Leases the move that has been due longest, if one is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_move(
        &self,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<Move>, CatalogError> {
        let pick = "SELECT tenant, id, tier, tier_attempts FROM recordings WHERE tier IN \
                    ('archiving', 'clearing', 'restoring', 'returned') AND tier_run_us <= $1 \
                    AND tier_lease_us <= $1 ORDER BY tier_run_us, id LIMIT 1";
        let lease = "UPDATE recordings SET tier_owner = $3, tier_lease_us = $4, \
                     tier_attempts = tier_attempts + 1 WHERE tenant = $1 AND id = $2";
        on_write!(self, |pool, begin, lock_rows| {
            let mut tx = pool.begin_with(begin).await?;
            let pick = sqlx::AssertSqlSafe(format!("{pick}{lock_rows}"));
            let row = sqlx::query(pick).bind(micros(now)).fetch_optional(&mut *tx).await?;
            let Some(row) = row else { return Ok(None) };
            let (tenant, id): (String, String) = (row.try_get("tenant")?, row.try_get("id")?);
            let (tier, attempts): (String, i64) =
                (row.try_get("tier")?, row.try_get("tier_attempts")?);
            sqlx::query(lease)
                .bind(&tenant)
                .bind(&id)
                .bind(node)
                .bind(micros(now).saturating_add(LEASE_US))
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            let bad = |detail: &str| CatalogError::row(&id, detail);
            Ok(Some(Move {
                tenant: TenantId::parse(&tenant).map_err(|_| bad("tenant"))?,
                recording: RecordingId::parse(&id).map_err(|_| bad("id"))?,
                tier: Tier::parse(&tier).ok_or_else(|| bad("tier"))?,
                attempts: u32::try_from(attempts.saturating_add(1)).unwrap_or(u32::MAX),
            }))
        })
    }

    /// The archive has a recording now, and nobody gets it from the store any more. What is left
    /// there is removed next.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn leave_store(&self, done: &Move, now: Timestamp) -> Result<(), CatalogError> {
        let close = "UPDATE renditions SET state = 'failed', reason = 'archived', \
                     lease_until_us = 0 WHERE tenant = $1 AND recording_id = $2";
        let change = (MediaState::Ready, MediaState::Archived);
        let entry = entry(done, "archive.store", now);
        self.change_tier(done, change, (Tier::Clearing, Some(close)), &entry).await
    }

    /// The store has a recording again.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn enter_store(&self, done: &Move, now: Timestamp) -> Result<(), CatalogError> {
        let change = (MediaState::Archived, MediaState::Ready);
        let entry = entry(done, "archive.restore", now);
        self.change_tier(done, change, (Tier::Returned, None), &entry).await
    }

    async fn change_tier(
        &self,
        done: &Move,
        (from, to): (MediaState, MediaState),
        (tier, close): (Tier, Option<&'static str>),
        entry: &AuditEntry<'_>,
    ) -> Result<(), CatalogError> {
        let list = "SELECT asset_id FROM media WHERE tenant = $1 AND recording_id = $2 \
                    AND state = $3";
        // A returned recording is due when its time is over.
        let set = "UPDATE recordings SET tier = $3, tier_run_us = CASE WHEN $3 = 'returned' \
                   THEN COALESCE(tier_until_us, $4) ELSE $4 END, tier_lease_us = 0, \
                   tier_attempts = 0, tier_error = NULL WHERE tenant = $1 AND id = $2 \
                   AND tier = $5";
        let (tenant, id) = (done.tenant.as_str(), done.recording.as_str());
        let now = entry.now;
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(set).bind(tenant).bind(id).bind(tier.name());
            let query = query.bind(micros(now)).bind(done.tier.name());
            if query.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(());
            }
            let query = sqlx::query_scalar(list).bind(tenant).bind(id).bind(from.name());
            let assets: Vec<String> = query.fetch_all(&mut *tx).await?;
            for asset in assets {
                let asset =
                    AssetId::parse(&asset).ok_or_else(|| CatalogError::row(&asset, "asset id"))?;
                let _ = move_on!(&mut tx, asset, &[from], to, NO_REASON, now);
            }
            if let Some(close) = close {
                sqlx::query(close).bind(tenant).bind(id).execute(&mut *tx).await?;
            } else {
                want_rendition!(&mut tx, tenant, id, ALL_RENDITIONS, now);
            }
            write_audit!(&mut tx, entry);
            tx.commit().await?;
        });
        Ok(())
    }

    /// Nothing of a recording is left in the store; its renditions are forgotten.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish_clearing(&self, done: &Move) -> Result<(), CatalogError> {
        let forget = "DELETE FROM renditions WHERE tenant = $1 AND recording_id = $2";
        let set = "UPDATE recordings SET tier = 'archived', tier_lease_us = 0, tier_attempts = 0, \
                   tier_until_us = NULL, tier_error = NULL \
                   WHERE tenant = $1 AND id = $2 AND tier = 'clearing'";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for sql in [forget, set] {
                let query = sqlx::query(sql).bind(done.tenant.as_str());
                query.bind(done.recording.as_str()).execute(&mut *tx).await?;
            }
            tx.commit().await?;
        });
        Ok(())
    }

    /// A move waits for another try.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn postpone_move(
        &self,
        done: &Move,
        run_at: Timestamp,
        error: &str,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE recordings SET tier_run_us = $3, tier_error = $4, tier_lease_us = 0 \
                   WHERE tenant = $1 AND id = $2";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(done.tenant.as_str()).bind(done.recording.as_str());
            query.bind(micros(run_at)).bind(error).execute(pool).await?;
        });
        Ok(())
    }

    /// A move cannot be made: the recording stays where it was.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn abandon_move(&self, done: &Move, error: &str) -> Result<(), CatalogError> {
        // What cannot be archived is not tried again by itself: it stays active and says why.
        let sql = "UPDATE recordings SET tier = CASE WHEN tier = 'archiving' THEN 'active' \
                   ELSE 'archived' END, tier_error = $3, tier_lease_us = 0, \
                   tier_until_us = NULL WHERE tenant = $1 AND id = $2 \
                   AND tier IN ('archiving', 'restoring')";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(done.tenant.as_str()).bind(done.recording.as_str());
            query.bind(error).execute(pool).await?;
        });
        Ok(())
    }

    /// At start: what this node was moving when it stopped is due again at once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_moves(&self, node: &str) -> Result<u64, CatalogError> {
        let sql = "UPDATE recordings SET tier_lease_us = 0 WHERE tier_owner = $1 \
                   AND tier_lease_us > 0";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(node).execute(pool).await?.rows_affected()
        }))
    }

    /// The move of a recording that was deleted meanwhile has ended: what it may have copied can be
    /// removed now. Of any other recording the lease is somebody else's by now, and stays.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn end_move(&self, done: &Move) -> Result<(), CatalogError> {
        let sql = "UPDATE recordings SET tier_lease_us = 0 WHERE tenant = $1 AND id = $2 \
                   AND gone_us IS NOT NULL AND tier_lease_us > 0";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(done.tenant.as_str()).bind(done.recording.as_str());
            query.execute(pool).await?;
        });
        Ok(())
    }

    /// How many recordings each store holds or is about to.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn tier_counts(&self) -> Result<Vec<(String, i64)>, CatalogError> {
        let sql = "SELECT tier, COUNT(*) FROM recordings WHERE gone_us IS NULL \
                   GROUP BY tier ORDER BY tier";
        Ok(on_read!(self, |pool| sqlx::query_as(sql).fetch_all(pool).await?))
    }
}

fn entry<'m>(done: &'m Move, action: &'m str, now: Timestamp) -> AuditEntry<'m> {
    AuditEntry {
        tenant: &done.tenant,
        actor: "system",
        action,
        subject: done.recording.as_str(),
        detail: json!({ "from": done.tier.name() }),
        now,
    }
}
