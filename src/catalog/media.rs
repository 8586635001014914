//! Media rows: from declaration to ready.

use jiff::Timestamp;
use sqlx::Row as _;

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

/// Whether an upload may begin.
#[derive(Debug)]
pub enum UploadClaim {
    /// It may; the row is in `receiving`.
    Started(Box<MediaRow>),
    /// Another upload of the same media id is under way.
    Busy,
    /// The media was acknowledged before; the row tells its length and digest.
    Done(Box<MediaRow>),
    /// No such recording, or no such media id in it.
    Unknown,
}

/// An upload that is durable in the spool.
#[derive(Debug, Clone)]
pub struct Accepted {
    /// Which asset.
    pub asset_id: AssetId,
    /// Its length in bytes.
    pub bytes: u64,
    /// Its SHA-256.
    pub sha256: Digest,
    /// The receipt given to the sender.
    pub receipt: String,
}

const COLUMNS: &str = "SELECT asset_id, tenant, recording_id, media_id, position, state, reason, \
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
        let bad = |detail: &str| CatalogError::row(&asset, detail);
        Ok::<MediaRow, CatalogError>(MediaRow {
            asset_id: AssetId::parse(&asset).ok_or_else(|| bad("asset id"))?,
            tenant: TenantId::parse(&text("tenant")?).map_err(|_| bad("tenant"))?,
            recording_id: RecordingId::parse(&text("recording_id")?)
                .map_err(|_| bad("recording id"))?,
            media_id: MediaId::parse(&text("media_id")?).map_err(|_| bad("media id"))?,
            position: usize::try_from(position).map_err(|_| bad("position"))?,
            state: MediaState::parse(&text("state")?).ok_or_else(|| bad("state"))?,
            reason: optional("reason")?,
            detail: optional("detail")?,
            upload_bytes: bytes.and_then(|bytes| u64::try_from(bytes).ok()),
            upload_sha256: match optional("upload_sha256")? {
                Some(text) => Some(Digest::parse(&text).map_err(|_| bad("digest"))?),
                None => None,
            },
            receipt: optional("receipt")?,
            outcome: optional("outcome")?,
        })
    }};
}

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

const NO_REASON: Option<&str> = None;

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

    /// Claims a declared media file for an upload on `node`.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn claim_upload(
        &self,
        tenant: &TenantId,
        (recording, media): (&RecordingId, &MediaId),
        node: &str,
        now: Timestamp,
    ) -> Result<UploadClaim, CatalogError> {
        let Some(mut row) = self.media(tenant, recording, media).await? else {
            return Ok(UploadClaim::Unknown);
        };
        if !matches!(row.state, MediaState::Declared | MediaState::Receiving) {
            return Ok(UploadClaim::Done(Box::new(row)));
        }
        let started = on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let (from, to) = (&[MediaState::Declared], MediaState::Receiving);
            let started = move_on!(&mut tx, row.asset_id, from, to, NO_REASON, now);
            if started {
                let sql = "UPDATE media SET node = $2 WHERE asset_id = $1";
                let query = sqlx::query(sql).bind(row.asset_id.to_string()).bind(node);
                query.execute(&mut *tx).await?;
            }
            tx.commit().await?;
            started
        });
        row.state = MediaState::Receiving;
        Ok(if started { UploadClaim::Started(Box::new(row)) } else { UploadClaim::Busy })
    }

    /// Whether an upload is still in *receiving*. Waits for a transaction that may be changing it.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn still_receiving(&self, asset: AssetId) -> Result<bool, CatalogError> {
        let sql = "UPDATE media SET node = node WHERE asset_id = $1 AND state = 'receiving'";
        Ok(on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(asset.to_string()).execute(pool).await?.rows_affected() > 0
        }))
    }

    /// Gives a claimed media file back: nothing of the upload was kept.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn release_upload(&self, asset: AssetId, now: Timestamp) -> Result<(), CatalogError> {
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let from = &[MediaState::Receiving];
            let _ = move_on!(&mut tx, asset, from, MediaState::Declared, NO_REASON, now);
            tx.commit().await?;
        });
        Ok(())
    }

    /// The uploads that `node` had begun and not ended: after a restart nobody will end them.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn interrupted_uploads(&self, node: &str) -> Result<Vec<AssetId>, CatalogError> {
        let sql = "SELECT asset_id FROM media WHERE state = 'receiving' AND node = $1";
        on_read!(self, |pool| {
            let ids: Vec<String> = sqlx::query_scalar(sql).bind(node).fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| AssetId::parse(id)).collect())
        })
    }

    /// Acknowledges uploads: all of them, each with its job, or none. False when one of them was
    /// not in `receiving` any more.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn accept_uploads(
        &self,
        uploads: &[Accepted],
        node: &str,
        run_at: Timestamp,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let detail = "UPDATE media SET upload_bytes = $2, upload_sha256 = $3, receipt = $4 \
                      WHERE asset_id = $1";
        let job = "INSERT INTO jobs (asset_id, node, run_at_us) VALUES ($1,$2,$3)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            for upload in uploads {
                let (asset, from) = (upload.asset_id, &[MediaState::Receiving]);
                if !move_on!(&mut tx, asset, from, MediaState::Spooled, NO_REASON, now) {
                    return Ok(false);
                }
                sqlx::query(detail)
                    .bind(asset.to_string())
                    .bind(i64::try_from(upload.bytes).unwrap_or(i64::MAX))
                    .bind(upload.sha256.to_string())
                    .bind(&upload.receipt)
                    .execute(&mut *tx)
                    .await?;
                sqlx::query(job)
                    .bind(asset.to_string())
                    .bind(node)
                    .bind(micros(run_at))
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(true)
        })
    }

    /// Replaces the receipt of an asset by one of a later state.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn set_receipt(&self, asset: AssetId, receipt: &str) -> Result<(), CatalogError> {
        let sql = "UPDATE media SET receipt = $2 WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            sqlx::query(sql).bind(asset.to_string()).bind(receipt).execute(pool).await?;
        });
        Ok(())
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
        let sql = "UPDATE media SET outcome = $2, segments = $3 WHERE asset_id = $1";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let from = &[MediaState::Spooled];
            let _ = move_on!(&mut tx, asset, from, MediaState::Committing, NO_REASON, now);
            let query = sqlx::query(sql).bind(asset.to_string()).bind(outcome).bind(segments);
            query.execute(&mut *tx).await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// Ends the job of an asset as *ready*. When it was the last of its recording, what the
    /// recording owes to `targets` is written in the same transaction.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn finish(
        &self,
        row: &MediaRow,
        targets: &[&str],
        now: Timestamp,
    ) -> Result<(), CatalogError> {
        // The update serialises the ends of two media files of one recording.
        let lock = "UPDATE recordings SET masks_complete = 1 WHERE tenant = $1 AND id = $2";
        let open = "SELECT COUNT(*) FROM media WHERE tenant = $1 AND recording_id = $2 \
                    AND state <> 'ready'";
        let owe = "INSERT INTO deliveries (id, tenant, recording_id, target, state, run_at_us, \
                   created_us) VALUES ($1,$2,$3,$4,'pending',$5,$5) \
                   ON CONFLICT (tenant, recording_id, target) DO NOTHING";
        let (tenant, recording) = (row.tenant.as_str(), row.recording_id.as_str());
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            sqlx::query(lock).bind(tenant).bind(recording).execute(&mut *tx).await?;
            let from = &[MediaState::Committing];
            let _ = move_on!(&mut tx, row.asset_id, from, MediaState::Ready, NO_REASON, now);
            let job = sqlx::query("DELETE FROM jobs WHERE asset_id = $1");
            job.bind(row.asset_id.to_string()).execute(&mut *tx).await?;
            let open = sqlx::query_scalar::<_, i64>(open).bind(tenant).bind(recording);
            if open.fetch_one(&mut *tx).await? == 0 {
                for target in targets {
                    sqlx::query(owe)
                        .bind(uuid::Uuid::now_v7().to_string())
                        .bind(tenant)
                        .bind(recording)
                        .bind(*target)
                        .bind(micros(now))
                        .execute(&mut *tx)
                        .await?;
                }
            }
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
