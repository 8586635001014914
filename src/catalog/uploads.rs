//! Uploads: from claim to acknowledgement.

use jiff::Timestamp;

use super::live_uploads::WAITS_FOR_END;
use super::media::{MediaRow, NO_REASON, move_on};
use super::pool::{on_read, on_write};
use super::{Catalog, CatalogError, MediaState, micros};
use crate::asset::{AssetId, Digest, MediaId, RecordingId, TenantId};

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

impl Catalog {
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
            let sql = "UPDATE media SET live = 0 WHERE asset_id = $1 AND state = 'declared'";
            sqlx::query(sql).bind(asset.to_string()).execute(&mut *tx).await?;
            tx.commit().await?;
        });
        Ok(())
    }

    /// The uploads that `node` had begun and not ended: after a restart nobody will end them. Live
    /// ones are not among them: what is durable of those is kept.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn interrupted_uploads(&self, node: &str) -> Result<Vec<AssetId>, CatalogError> {
        let sql = "SELECT asset_id FROM media WHERE state = 'receiving' AND node = $1 \
                   AND live = 0";
        on_read!(self, |pool| {
            let ids: Vec<String> = sqlx::query_scalar(sql).bind(node).fetch_all(pool).await?;
            Ok(ids.iter().filter_map(|id| AssetId::parse(id)).collect())
        })
    }

    /// Acknowledges uploads: all of them, each with its job, or none. False when one of them was
    /// not in `receiving` any more. A job of a recording that belongs to an interaction is not due
    /// at `run_at`, but waits for [`Catalog::release_ended`].
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
        let job = "INSERT INTO jobs (asset_id, node, run_at_us) SELECT m.asset_id, \
                   CAST($2 AS TEXT), CASE WHEN r.interaction_id IS NULL THEN CAST($3 AS BIGINT) \
                   ELSE CAST($4 AS BIGINT) END FROM media m JOIN recordings r \
                   ON r.tenant = m.tenant AND r.id = m.recording_id WHERE m.asset_id = $1";
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
                    .bind(WAITS_FOR_END)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(true)
        })
    }

    /// Replaces the `old` receipt of an asset by a `new` one, unless somebody replaced it meanwhile;
    /// answers the receipt that holds.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn replace_receipt(
        &self,
        asset: AssetId,
        (old, new): (&str, &str),
    ) -> Result<Option<String>, CatalogError> {
        let sql = "UPDATE media SET receipt = $3 WHERE asset_id = $1 AND receipt = $2";
        let read = "SELECT receipt FROM media WHERE asset_id = $1";
        on_write!(self, |pool, _begin, _lock| {
            let query = sqlx::query(sql).bind(asset.to_string()).bind(old).bind(new);
            query.execute(pool).await?;
            let found: Option<Option<String>> =
                sqlx::query_scalar(read).bind(asset.to_string()).fetch_optional(pool).await?;
            Ok(found.flatten())
        })
    }
}
