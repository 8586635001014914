//! Uploads of live interactions, and what waits for an interaction's end.

use jiff::Timestamp;
use sqlx::Row as _;

use super::media::{COLUMNS, MediaRow, NO_REASON, media_row, move_on};
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, MediaState, micros};
use crate::asset::{AssetId, InteractionId, MediaId, RecordingId, TenantId};

/// When a job is due that waits for the end of its recording's interaction.
pub(super) const WAITS_FOR_END: i64 = i64::MAX;

/// Whether a live upload may begin or go on.
#[derive(Debug)]
pub enum LiveClaim {
    /// It may; what is durable of it lies in the spool of this node.
    Open(Box<MediaRow>),
    /// It was acknowledged before.
    Done(Box<MediaRow>),
    /// An ordinary upload of the same media id is under way, or a live one on another node.
    Busy,
    /// No such recording, or no such media id in it.
    Unknown,
}

impl Catalog {
    /// Claims a declared media file for a live upload on `node`, or goes on with one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn claim_live(
        &self,
        tenant: &TenantId,
        (recording, media): (&RecordingId, &MediaId),
        node: &str,
        now: Timestamp,
    ) -> Result<LiveClaim, CatalogError> {
        let Some(mut row) = self.media(tenant, recording, media).await? else {
            return Ok(LiveClaim::Unknown);
        };
        if !matches!(row.state, MediaState::Declared | MediaState::Receiving) {
            return Ok(LiveClaim::Done(Box::new(row)));
        }
        let begin_sql = "UPDATE media SET node = $2, live = 1 WHERE asset_id = $1";
        let ours = "SELECT COUNT(*) FROM media WHERE asset_id = $1 AND state = 'receiving' \
                    AND live = 1 AND node = $2";
        let open = on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let (from, to) = (&[MediaState::Declared], MediaState::Receiving);
            if move_on!(&mut tx, row.asset_id, from, to, NO_REASON, now) {
                let query = sqlx::query(begin_sql).bind(row.asset_id.to_string()).bind(node);
                query.execute(&mut *tx).await?;
            }
            let query = sqlx::query_scalar(ours).bind(row.asset_id.to_string()).bind(node);
            let open: i64 = query.fetch_one(&mut *tx).await?;
            tx.commit().await?;
            open > 0
        });
        row.state = MediaState::Receiving;
        Ok(if open { LiveClaim::Open(Box::new(row)) } else { LiveClaim::Busy })
    }

    /// The live uploads in the spool of `node` whose interaction has ended, or is gone.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn ended_uploads(&self, node: &str) -> Result<Vec<MediaRow>, CatalogError> {
        let sql = format!(
            "{COLUMNS} WHERE state = 'receiving' AND live = 1 AND node = $1 AND NOT EXISTS (\
             SELECT 1 FROM recordings r JOIN interactions i ON i.tenant = r.tenant \
             AND i.id = r.interaction_id WHERE r.tenant = media.tenant \
             AND r.id = media.recording_id AND i.ended_us IS NULL)"
        );
        on_read!(self, |pool| {
            let query = sqlx::query(sqlx::AssertSqlSafe(sql)).bind(node);
            query.fetch_all(pool).await?.iter().map(|row| media_row!(row)).collect()
        })
    }

    /// The ended interactions for which jobs still wait.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn ended_interactions(&self) -> Result<Vec<(TenantId, InteractionId)>, CatalogError> {
        let sql = "SELECT DISTINCT r.tenant, r.interaction_id FROM jobs j \
                   JOIN media m ON m.asset_id = j.asset_id \
                   JOIN recordings r ON r.tenant = m.tenant AND r.id = m.recording_id \
                   LEFT JOIN interactions i ON i.tenant = r.tenant AND i.id = r.interaction_id \
                   WHERE j.run_at_us = $1 AND (i.id IS NULL OR i.ended_us IS NOT NULL) \
                   AND r.interaction_id IS NOT NULL";
        on_read!(self, |pool| {
            let mut found = Vec::new();
            for row in sqlx::query(sql).bind(WAITS_FOR_END).fetch_all(pool).await? {
                let (tenant, id): (String, String) = (row.try_get(0)?, row.try_get(1)?);
                let bad = |_| CatalogError::row(&id, "interaction of a job");
                let tenant = TenantId::parse(&tenant).map_err(bad)?;
                found.push((tenant, InteractionId::parse(&id).map_err(bad)?));
            }
            Ok(found)
        })
    }

    /// Lets the recordings of an ended interaction be processed: no more masks come, the end of
    /// the call is known, and the jobs that waited for it are due at `now`. How many those were.
    /// While the interaction is live nothing happens; a second time does nothing more.
    ///
    /// The end is the interaction's own, on the clock of its recorder. It is what GIR takes for the
    /// `stopTime` of the call; how long the file plays stands in `duration`, and the difference of
    /// the two tells whether a recorder may have cut its pauses out.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn release_ended(
        &self,
        tenant: &TenantId,
        interaction: &InteractionId,
        now: Timestamp,
    ) -> Result<u64, CatalogError> {
        let live = "SELECT COUNT(*) FROM interactions WHERE tenant = $1 AND id = $2 \
                    AND ended_us IS NULL";
        let fill = "UPDATE recordings SET masks_complete = 1, stop_us = COALESCE(stop_us, (\
                    SELECT i.ended_us + COALESCE((SELECT c.clock_offset_us FROM recorders c \
                    WHERE c.tenant = i.tenant AND c.id = i.recorder_id), 0) FROM interactions i \
                    WHERE i.tenant = $1 AND i.id = $2), CAST($3 AS BIGINT)) \
                    WHERE tenant = $1 AND interaction_id = $2";
        let due = "UPDATE jobs SET run_at_us = $3 WHERE run_at_us = $4 AND asset_id IN (\
                   SELECT m.asset_id FROM media m JOIN recordings r ON r.tenant = m.tenant \
                   AND r.id = m.recording_id WHERE r.tenant = $1 AND r.interaction_id = $2)";
        let (tenant, interaction) = (tenant.as_str(), interaction.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let query = sqlx::query_scalar(live).bind(tenant).bind(interaction);
            let live: i64 = query.fetch_one(&mut *tx).await?;
            if live > 0 {
                return Ok(0);
            }
            let query = sqlx::query(fill).bind(tenant).bind(interaction).bind(micros(now));
            query.execute(&mut *tx).await?;
            let query = sqlx::query(due).bind(tenant).bind(interaction);
            let query = query.bind(micros(now)).bind(WAITS_FOR_END);
            let due = query.execute(&mut *tx).await?.rows_affected();
            tx.commit().await?;
            Ok(due)
        })
    }

    /// Whether the upload of an asset is, or was, a live one.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn is_live(&self, asset: AssetId) -> Result<bool, CatalogError> {
        let sql = "SELECT live FROM media WHERE asset_id = $1";
        Ok(on_read!(self, |pool| {
            let live: Option<i64> =
                sqlx::query_scalar(sql).bind(asset.to_string()).fetch_optional(pool).await?;
            live == Some(1)
        }))
    }
}
