//! Renditions: files made from stored assets for playing, and the work of making them.
//!
//! Any node can make one, for its sources lie in the store; a lease keeps two from the same work.

use jiff::Timestamp;
use sqlx::Row as _;

use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, instant, micros};
use crate::asset::{AssetId, RecordingId, TenantId};

/// The recipe of the row that asks for everything that is usually wanted of a recording.
pub const ALL_RENDITIONS: &str = "all";
/// How long a lease holds, in microseconds: longer than any rendition takes.
const LEASE_US: i64 = 30 * 60 * 1_000_000;

/// Where a rendition stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RenditionState {
    /// To be made.
    Wanted,
    /// In the store.
    Ready,
    /// It cannot be made of these sources.
    Failed,
}

impl RenditionState {
    const fn name(self) -> &'static str {
        match self {
            Self::Wanted => "wanted",
            Self::Ready => "ready",
            Self::Failed => "failed",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Wanted, Self::Ready, Self::Failed].into_iter().find(|state| state.name() == text)
    }
}

/// A rendition as a row.
#[derive(Debug, Clone)]
pub struct RenditionRow {
    /// Its own name, which links carry.
    pub asset_id: AssetId,
    /// Tenant.
    pub tenant: TenantId,
    /// The recording whose media it is made from.
    pub recording_id: RecordingId,
    /// From which media, and how.
    pub recipe: String,
    /// Where it stands.
    pub state: RenditionState,
    /// Why it cannot be made.
    pub reason: Option<String>,
    /// What was stored, as JSON.
    pub outcome: Option<String>,
    /// Digests of the stored object's segments.
    pub segments: Option<String>,
    /// Peaks of each channel, as JSON.
    pub waveform: Option<String>,
    /// How often it was begun.
    pub attempts: u32,
}

/// A rendition that was made, about to become a row.
#[derive(Debug, Clone)]
pub struct MadeRendition {
    /// What was stored, as JSON.
    pub outcome: String,
    /// Digests of the stored object's segments.
    pub segments: String,
    /// Peaks of each channel, as JSON.
    pub waveform: Option<String>,
}

const COLUMNS: &str = "SELECT asset_id, tenant, recording_id, recipe, state, reason, outcome, \
                       segments, waveform, attempts FROM renditions";

/// Reads a row of either database.
macro_rules! rendition_row {
    ($row:expr) => {{
        let row = $row;
        let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
        let asset = text("asset_id")?;
        let bad = |detail: &str| CatalogError::row(&asset, detail);
        let attempts: i64 = row.try_get("attempts")?;
        Ok::<RenditionRow, CatalogError>(RenditionRow {
            asset_id: AssetId::parse(&asset).ok_or_else(|| bad("asset id"))?,
            tenant: TenantId::parse(&text("tenant")?).map_err(|_| bad("tenant"))?,
            recording_id: RecordingId::parse(&text("recording_id")?)
                .map_err(|_| bad("recording id"))?,
            recipe: text("recipe")?,
            state: RenditionState::parse(&text("state")?).ok_or_else(|| bad("state"))?,
            reason: row.try_get("reason")?,
            outcome: row.try_get("outcome")?,
            segments: row.try_get("segments")?,
            waveform: row.try_get("waveform")?,
            attempts: u32::try_from(attempts).unwrap_or(u32::MAX),
        })
    }};
}

/// Asks for a rendition. Runs inside the caller's transaction.
macro_rules! want_rendition {
    ($tx:expr, $tenant:expr, $recording:expr, $recipe:expr, $now:expr) => {{
        let insert = "INSERT INTO renditions (asset_id, tenant, recording_id, recipe, state, \
                      run_at_us, created_us) VALUES ($1,$2,$3,$4,'wanted',$5,$5) \
                      ON CONFLICT (tenant, recording_id, recipe) DO NOTHING";
        sqlx::query(insert)
            .bind($crate::asset::AssetId::generate().to_string())
            .bind($tenant)
            .bind($recording)
            .bind($recipe)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
    }};
}

pub(super) use want_rendition;

impl Catalog {
    /// Asks for renditions of a recording; those that are there, or asked for, stay as they are.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn want_renditions(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        recipes: &[String],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for recipe in recipes {
                want_rendition!(&mut tx, tenant.as_str(), recording.as_str(), recipe, now);
            }
            tx.commit().await?;
        });
        Ok(())
    }

    /// All renditions of a recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn renditions_of(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
    ) -> Result<Vec<RenditionRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 AND recording_id = $2");
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql));
            let query = query.bind(tenant.as_str()).bind(recording.as_str());
            query.fetch_all(pool).await?.iter().map(|row| rendition_row!(row)).collect()
        })
    }

    /// One rendition.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn rendition(&self, asset: AssetId) -> Result<Option<RenditionRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE asset_id = $1");
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(asset.to_string());
            query.fetch_optional(pool).await?.as_ref().map(|row| rendition_row!(row)).transpose()
        })
    }

    /// Leases the rendition that has been due longest, if one is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_rendition(
        &self,
        node: &str,
        now: Timestamp,
    ) -> Result<Option<RenditionRow>, CatalogError> {
        let pick = "SELECT asset_id FROM renditions WHERE state = 'wanted' AND run_at_us <= $1 \
                    AND lease_until_us <= $1 ORDER BY run_at_us, asset_id LIMIT 1";
        let lease = "UPDATE renditions SET lease_owner = $2, lease_until_us = $3, \
                     attempts = attempts + 1 WHERE asset_id = $1";
        let sql = format!("{COLUMNS} WHERE asset_id = $1");
        on_write!(self, |pool, begin, lock_rows| {
            let mut tx = pool.begin_with(begin).await?;
            let pick = sqlx::AssertSqlSafe(format!("{pick}{lock_rows}"));
            let picked = sqlx::query_scalar(pick).bind(micros(now)).fetch_optional(&mut *tx);
            let Some(asset): Option<String> = picked.await? else { return Ok(None) };
            sqlx::query(lease)
                .bind(&asset)
                .bind(node)
                .bind(micros(now).saturating_add(LEASE_US))
                .execute(&mut *tx)
                .await?;
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(&asset);
            let row = query.fetch_one(&mut *tx).await?;
            let row = rendition_row!(&row)?;
            tx.commit().await?;
            Ok(Some(row))
        })
    }

    /// When the next rendition is due, a lease that runs out included.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn next_rendition(&self) -> Result<Option<Timestamp>, CatalogError> {
        let sql = "SELECT MIN(CASE WHEN run_at_us > lease_until_us THEN run_at_us \
                   ELSE lease_until_us END) FROM renditions WHERE state = 'wanted'";
        Ok(on_read!(self, |pool| {
            let due: Option<i64> = sqlx::query_scalar(sql).fetch_one(pool).await?;
            due.map(instant)
        }))
    }

    /// A rendition was made from these sources. False when nobody wants it any more, or one of the
    /// sources was deleted meanwhile: then its object must go.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish_rendition(
        &self,
        row: &RenditionRow,
        sources: [Option<AssetId>; 2],
        made: &MadeRendition,
    ) -> Result<bool, CatalogError> {
        // Locks the recording as a deletion does, so that it is either waited for or waits.
        let lock = "UPDATE recordings SET masks_complete = masks_complete \
                    WHERE tenant = $1 AND id = $2";
        let sql = "UPDATE renditions SET state = 'ready', reason = NULL, outcome = $2, \
                   segments = $3, waveform = $4, lease_until_us = 0 WHERE asset_id = $1 \
                   AND NOT EXISTS (SELECT 1 FROM media m WHERE m.asset_id IN ($5, $6) \
                   AND m.state = 'erased')";
        let [first, second] =
            sources.map(|source| source.map_or_else(String::new, |s| s.to_string()));
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query(lock).bind(row.tenant.as_str()).bind(row.recording_id.as_str());
            query.execute(&mut *tx).await?;
            let finished = sqlx::query(sql)
                .bind(row.asset_id.to_string())
                .bind(&made.outcome)
                .bind(&made.segments)
                .bind(&made.waveform)
                .bind(first)
                .bind(second)
                .execute(&mut *tx)
                .await?
                .rows_affected();
            tx.commit().await?;
            Ok(finished > 0)
        })
    }

    /// A rendition cannot be made of its sources; what could be found out of them is kept.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn fail_rendition(
        &self,
        asset: AssetId,
        reason: &str,
        waveform: Option<&str>,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE renditions SET state = 'failed', reason = $2, waveform = $3, \
                   lease_until_us = 0 WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(asset.to_string()).bind(reason).bind(waveform);
            query.execute(pool).await?;
        });
        Ok(())
    }

    /// A row that asked for several is replaced by a row for each.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn expand_rendition(
        &self,
        row: &RenditionRow,
        recipes: &[String],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let (tenant, recording) = (row.tenant.as_str(), row.recording_id.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for recipe in recipes {
                want_rendition!(&mut tx, tenant, recording, recipe, now);
            }
            let done = sqlx::query("DELETE FROM renditions WHERE asset_id = $1");
            done.bind(row.asset_id.to_string()).execute(&mut *tx).await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// A rendition waits for another try.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn postpone_rendition(
        &self,
        asset: AssetId,
        run_at: Timestamp,
        reason: &str,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE renditions SET run_at_us = $2, reason = $3, lease_until_us = 0 \
                   WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(asset.to_string()).bind(micros(run_at)).bind(reason);
            query.execute(pool).await?;
        });
        Ok(())
    }

    /// At start: what this node was making when it stopped is due again at once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_renditions(&self, node: &str) -> Result<u64, CatalogError> {
        let sql = "UPDATE renditions SET lease_until_us = 0 \
                   WHERE lease_owner = $1 AND state = 'wanted' AND lease_until_us > 0";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(node).execute(pool).await?.rows_affected()
        }))
    }
}
