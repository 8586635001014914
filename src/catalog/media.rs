//! Media rows: from declaration to ready.

use jiff::Timestamp;
use sqlx::Row as _;

use super::graves::KeptObject;
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, MediaState, instant, micros};
use crate::asset::{AssetId, Digest, MediaId, RecordingId, TenantId};

/// A media file as a row.
#[derive(Debug, Clone)]
pub struct MediaRow {
    /// The gateway's own name of the asset.
    pub asset_id: AssetId,
    /// Tenant.
    pub tenant: TenantId,
    /// The recording it belongs to.
    pub recording_id: RecordingId,
    /// `mediaId`.
    pub media_id: MediaId,
    /// Its place in `mediaFiles`.
    pub position: usize,
    /// The node that took it in, whose spool holds its bytes until they are stored.
    pub node: Option<String>,
    /// Where it stands.
    pub state: MediaState,
    /// Stable reason code of a quarantine.
    pub reason: Option<String>,
    /// The reason in words.
    pub detail: Option<String>,
    /// Length of the upload in bytes, once acknowledged.
    pub upload_bytes: Option<u64>,
    /// SHA-256 of the upload, once acknowledged.
    pub upload_sha256: Option<Digest>,
    /// The signed receipt, once acknowledged.
    pub receipt: Option<String>,
    /// What the pipeline measured and did, as JSON, from `committing` on.
    pub outcome: Option<String>,
}

/// One step in the life of an asset.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Stage {
    /// The state entered.
    pub state: String,
    /// Reason code, if any.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// When.
    pub at: Timestamp,
}

pub(super) const COLUMNS: &str = "SELECT asset_id, tenant, recording_id, media_id, position, node, state, reason, \
                       detail, upload_bytes, upload_sha256, receipt, outcome FROM media";

/// Reads a row of either database.
macro_rules! media_row {
    ($row:expr) => {{
        let row = $row;
        let text = |name: &str| -> Result<String, sqlx::Error> { row.try_get(name) };
        let optional = |name: &str| -> Result<Option<String>, sqlx::Error> { row.try_get(name) };
        let bytes: Option<i64> = row.try_get("upload_bytes")?;
        let position: i64 = row.try_get("position")?;
        let asset = text("asset_id")?;
        let bad = |detail: &str| $crate::catalog::CatalogError::row(&asset, detail);
        Ok::<$crate::catalog::MediaRow, $crate::catalog::CatalogError>($crate::catalog::MediaRow {
            asset_id: $crate::asset::AssetId::parse(&asset).ok_or_else(|| bad("asset id"))?,
            tenant: $crate::asset::TenantId::parse(&text("tenant")?).map_err(|_| bad("tenant"))?,
            recording_id: $crate::asset::RecordingId::parse(&text("recording_id")?)
                .map_err(|_| bad("recording id"))?,
            media_id: $crate::asset::MediaId::parse(&text("media_id")?)
                .map_err(|_| bad("media id"))?,
            position: usize::try_from(position).map_err(|_| bad("position"))?,
            node: optional("node")?,
            state: $crate::catalog::MediaState::parse(&text("state")?)
                .ok_or_else(|| bad("state"))?,
            reason: optional("reason")?,
            detail: optional("detail")?,
            upload_bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            upload_sha256: match optional("upload_sha256")? {
                Some(text) => Some($crate::asset::Digest::parse(&text).map_err(|_| bad("digest"))?),
                None => None,
            },
            receipt: optional("receipt")?,
            outcome: optional("outcome")?,
        })
    }};
}

pub(super) use media_row;

/// Moves a row on, if it is in one of the expected states, and writes the stage. Answers whether
/// it was. Runs inside the caller's transaction.
macro_rules! move_on {
    ($tx:expr, $asset:expr, $from:expr, $to:expr, $reason:expr, $now:expr) => {{
        let asset = $asset.to_string();
        let from: &[MediaState] = $from;
        let mut moved = 0;
        for state in from {
            moved += sqlx::query(
                "UPDATE media SET state = $3, reason = $4 WHERE asset_id = $1 AND state = $2",
            )
            .bind(&asset)
            .bind(state.name())
            .bind($to.name())
            .bind($reason)
            .execute(&mut **$tx)
            .await?
            .rows_affected();
            if moved > 0 {
                break;
            }
        }
        if moved > 0 {
            sqlx::query(
                "INSERT INTO media_stages (asset_id, position, state, reason, at_us) \
                 SELECT $1, COALESCE(MAX(position), -1) + 1, $2, $3, $4 FROM media_stages \
                 WHERE asset_id = $1",
            )
            .bind(&asset)
            .bind($to.name())
            .bind($reason)
            .bind(micros($now))
            .execute(&mut **$tx)
            .await?;
        }
        moved > 0
    }};
}

pub(super) use move_on;

/// For a move that needs no reason.
pub(super) const NO_REASON: Option<&str> = None;

impl Catalog {
    /// One media file of a recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn media(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        media: &MediaId,
    ) -> Result<Option<MediaRow>, CatalogError> {
        let all = self.media_of(tenant, recording).await?;
        Ok(all.into_iter().find(|row| row.media_id == *media))
    }

    /// All media files of a recording, in document order.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn media_of(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
    ) -> Result<Vec<MediaRow>, CatalogError> {
        let sql = format!("{COLUMNS} WHERE tenant = $1 AND recording_id = $2 ORDER BY position");
        on_read!(self, |pool| {
            let rows = sqlx::query(sqlx::AssertSqlSafe(sql))
                .bind(tenant.as_str())
                .bind(recording.as_str())
                .fetch_all(pool)
                .await?;
            rows.iter().map(|row| media_row!(row)).collect()
        })
    }

    /// The row of one asset.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn asset(&self, asset: AssetId) -> Result<Option<MediaRow>, CatalogError> {
        let sql = sqlx::AssertSqlSafe(format!("{COLUMNS} WHERE asset_id = $1"));
        on_read!(self, |pool| {
            let row = sqlx::query(sql).bind(asset.to_string()).fetch_optional(pool).await?;
            row.as_ref().map(|row| media_row!(row)).transpose()
        })
    }

    /// The digests of the stored object's segments, as the pipeline wrote them.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn segments(&self, asset: AssetId) -> Result<Option<String>, CatalogError> {
        let sql = "SELECT segments FROM media WHERE asset_id = $1";
        Ok(on_read!(self, |pool| {
            let found: Option<Option<String>> =
                sqlx::query_scalar(sql).bind(asset.to_string()).fetch_optional(pool).await?;
            found.flatten()
        }))
    }

    /// The stages an asset went through, oldest first.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn stages(&self, asset: AssetId) -> Result<Vec<Stage>, CatalogError> {
        let sql = "SELECT state, reason, at_us FROM media_stages \
                   WHERE asset_id = $1 ORDER BY position";
        on_read!(self, |pool| {
            let rows = sqlx::query(sql).bind(asset.to_string()).fetch_all(pool).await?;
            let mut stages = Vec::with_capacity(rows.len());
            for row in rows {
                stages.push(Stage {
                    state: row.try_get("state")?,
                    reason: row.try_get("reason")?,
                    at: instant(row.try_get("at_us")?),
                });
            }
            Ok(stages)
        })
    }

    /// Writes what is about to be committed in the store, before it is: after a crash this row
    /// tells whether the final object is ours.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn intend(
        &self,
        asset: AssetId,
        outcome: &str,
        segments: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE media SET outcome = $2, segments = $3, stored_bytes = $4 \
                   WHERE asset_id = $1";
        let bytes = KeptObject::of(Some(outcome)).map(|object| object.bytes);
        let bytes = bytes.and_then(|bytes| i64::try_from(bytes).ok());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let from = &[MediaState::Spooled];
            let _ = move_on!(&mut tx, asset, from, MediaState::Committing, NO_REASON, now);
            let query = sqlx::query(sql).bind(asset.to_string()).bind(outcome).bind(segments);
            query.bind(bytes).execute(&mut *tx).await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// Ends the job of an asset in quarantine; its spool file stays.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn quarantine(
        &self,
        asset: AssetId,
        reason: &str,
        detail: &str,
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        let sql = "UPDATE media SET detail = $2 WHERE asset_id = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let from = &[MediaState::Spooled, MediaState::Committing];
            let why = Some(reason);
            let _ = move_on!(&mut tx, asset, from, MediaState::Quarantined, why, now);
            let query = sqlx::query(sql).bind(asset.to_string()).bind(detail);
            query.execute(&mut *tx).await?;
            let job = sqlx::query("DELETE FROM jobs WHERE asset_id = $1");
            job.bind(asset.to_string()).execute(&mut *tx).await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// How many media files stand in each state.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn media_counts(&self) -> Result<Vec<(String, i64)>, CatalogError> {
        let sql = "SELECT state, COUNT(*) FROM media GROUP BY state ORDER BY state";
        Ok(on_read!(self, |pool| sqlx::query_as(sql).fetch_all(pool).await?))
    }
}
