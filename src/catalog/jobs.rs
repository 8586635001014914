//! Jobs: one for each asset that lies in a node's spool and is not done.

use jiff::Timestamp;
use sqlx::Row as _;

use super::live_uploads::WAITS_FOR_END;
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, instant, micros};
use crate::asset::AssetId;

/// A job that this node runs now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Job {
    /// The asset to carry on.
    pub asset_id: AssetId,
    /// How often it was begun before.
    pub attempts: u32,
}

/// How the job of an asset stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFacts {
    /// How often it was begun.
    pub attempts: i64,
    /// Whether it is under way.
    pub running: bool,
    /// When it is due; `None` while it waits for the end of a call.
    pub run_at: Option<Timestamp>,
    /// What stopped it last.
    pub last_error: Option<String>,
}

impl Catalog {
    /// Takes the job that has been due longest on `node`, if one is.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn take_job(&self, node: &str, now: Timestamp) -> Result<Option<Job>, CatalogError> {
        let pick = "SELECT asset_id, attempts FROM jobs \
                    WHERE node = $1 AND running = 0 AND run_at_us <= $2 \
                    ORDER BY run_at_us, asset_id LIMIT 1";
        // Locks the recording as `add_masks` does, so that masks are either seen or refused.
        let lock = "UPDATE recordings SET masks_complete = masks_complete WHERE (tenant, id) = \
                    (SELECT tenant, recording_id FROM media WHERE asset_id = $1)";
        let take = "UPDATE jobs SET running = 1, attempts = attempts + 1 \
                    WHERE asset_id = $1 AND running = 0";
        on_write!(self, |pool, begin, lock_rows| {
            let mut tx = pool.begin_with(begin).await?;
            let sql = sqlx::AssertSqlSafe(format!("{pick}{lock_rows}"));
            let query = sqlx::query(sql).bind(node).bind(micros(now));
            let Some(row) = query.fetch_optional(&mut *tx).await? else { return Ok(None) };
            let asset: String = row.try_get("asset_id")?;
            let attempts: i64 = row.try_get("attempts")?;
            sqlx::query(lock).bind(&asset).execute(&mut *tx).await?;
            sqlx::query(take).bind(&asset).execute(&mut *tx).await?;
            tx.commit().await?;
            let asset_id = AssetId::parse(&asset)
                .ok_or_else(|| CatalogError::row(&asset, "asset id of a job"))?;
            Ok(Some(Job { asset_id, attempts: u32::try_from(attempts).unwrap_or(u32::MAX) }))
        })
    }

    /// Puts a job back: due again at `run_at`, with the error that stopped it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn postpone_job(
        &self,
        asset: AssetId,
        run_at: Timestamp,
        error: &str,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE jobs SET running = 0, run_at_us = $2, last_error = $3 \
                   WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql)
                .bind(asset.to_string())
                .bind(micros(run_at))
                .bind(error)
                .execute(pool)
                .await?;
        });
        Ok(())
    }

    /// At start: what this node ran when it stopped is due again at once.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recover_jobs(&self, node: &str) -> Result<u64, CatalogError> {
        let sql = "UPDATE jobs SET running = 0 WHERE node = $1 AND running = 1";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(node).execute(pool).await?.rows_affected()
        }))
    }

    /// Why the job of an asset was last put back, and how often it was begun.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn job_error(
        &self,
        asset: AssetId,
    ) -> Result<Option<(i64, Option<String>)>, CatalogError> {
        let sql = "SELECT attempts, last_error FROM jobs WHERE asset_id = $1";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query_as(sql).bind(asset.to_string()).fetch_optional(pool).await?
        }))
    }

    /// How the job of an asset stands; nothing when it has none.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn job_facts(&self, asset: AssetId) -> Result<Option<JobFacts>, CatalogError> {
        let sql = "SELECT attempts, running, run_at_us, last_error FROM jobs WHERE asset_id = $1";
        let found: Option<(i64, i64, i64, Option<String>)> = on_read!(self, |pool| {
            sqlx::query_as(sql).bind(asset.to_string()).fetch_optional(pool).await?
        });
        Ok(found.map(|(attempts, running, run_at, last_error)| JobFacts {
            attempts,
            running: running != 0,
            run_at: (run_at != WAITS_FOR_END).then(|| instant(run_at)),
            last_error,
        }))
    }
}
