//! Recordings: the document, and the masks that come after it.

use jiff::Timestamp;
use jiff::tz::TimeZone;
use serde_json::Value;
use sqlx::Row as _;

use super::live_uploads::WAITS_FOR_END;
use super::pool::{on_read, on_write};
use super::search::write_facts;
use super::terms::SearchFacts;
use super::{Catalog, CatalogError, MediaState, instant, micros};
use crate::asset::{
    AssetId, ContactId, InteractionId, MaskEntry, MediaId, RecordingDocument, RecordingId, Ruling,
    SegmentId, TenantId, WireTime, gir_format,
};

/// A document about to become a row.
#[derive(Debug)]
pub struct NewRecording<'d> {
    /// Tenant.
    pub tenant: &'d TenantId,
    /// The checked document.
    pub document: &'d RecordingDocument,
    /// The zone in which a search reads its local times.
    pub zone: Option<&'d TimeZone>,
    /// Now.
    pub now: Timestamp,
}

/// What became of a declaration.
#[derive(Debug, PartialEq, Eq)]
pub enum Declared {
    /// New.
    Created,
    /// The same document was declared before.
    Same,
    /// The id exists with another document.
    Different,
    /// The id was that of a recording that was deleted; it is not given out again.
    Gone,
    /// A media id of this document belongs to another recording of the tenant (R21).
    MediaTaken(MediaId),
}

/// One declared media file.
#[derive(Debug, Clone)]
pub struct DeclaredMedia {
    /// The gateway's own name of the asset.
    pub asset_id: AssetId,
    /// `mediaId`.
    pub media_id: MediaId,
}

/// A recording as a row.
#[derive(Debug, Clone)]
pub struct RecordingRow {
    /// Tenant.
    pub tenant: TenantId,
    /// `id`.
    pub id: RecordingId,
    /// The document as declared.
    pub document: Value,
    /// The live interaction whose ledger applies.
    pub interaction: Option<InteractionId>,
    /// The ledger, sorted; empty without an interaction.
    pub rulings: Vec<Ruling>,
    /// When the interaction ended, on the recorder's clock; the `stopTime` of media files that were
    /// declared without. `None` while it is live.
    pub ended: Option<Timestamp>,
    /// Whether more masks may come.
    pub masks_complete: bool,
    /// Masks that came later, in order of arrival.
    pub late_masks: Vec<MaskEntry>,
}

impl RecordingRow {
    /// The document with what was not known when it was declared: the `stopTime` of each media file
    /// that lacks one, never before its `startTime`.
    pub fn completed(&self) -> Value {
        let mut document = self.document.clone();
        let files = document.get_mut("mediaFiles").and_then(Value::as_array_mut);
        for file in files.into_iter().flatten().filter_map(Value::as_object_mut) {
            let open = file.get("stopTime").is_none_or(Value::is_null);
            if let (true, Some(ended)) = (open, self.ended) {
                let start = file.get("startTime").and_then(Value::as_str);
                let start = start.and_then(|text| WireTime::parse(text).ok()?.resolve(None).ok());
                let stop = start.map_or(ended, |start| start.max(ended));
                file.insert("stopTime".to_owned(), gir_format(stop).into());
            }
        }
        document
    }
}

/// What became of masks that came later.
#[derive(Debug, PartialEq, Eq)]
pub enum MaskChange {
    /// They are part of the recording now.
    Accepted,
    /// An asset of the recording is already being processed, or done.
    TooLate,
    /// No such recording.
    Unknown,
}

impl Catalog {
    /// Declares a recording and its media files, in one transaction.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn declare(&self, new: &NewRecording<'_>) -> Result<Declared, CatalogError> {
        let (tenant, document) = (new.tenant.as_str(), new.document);
        let names = &document.conversation.names;
        // A recording of a live interaction is found by that one's contact and segment; any other by
        // its own id, unless the document says otherwise.
        let insert = "INSERT INTO recordings (tenant, id, document, masks_complete, created_us, \
                      interaction_id, contact_id, master_contact_id, segment_id) \
                      VALUES ($1,$2,$3,$4,$5,$6, \
                      COALESCE($7, (SELECT contact_id FROM interactions \
                      WHERE tenant = $1 AND id = $6), $2), $8, \
                      COALESCE($9, (SELECT segment_id FROM interactions \
                      WHERE tenant = $1 AND id = $6), $2)) \
                      ON CONFLICT (tenant, id) DO NOTHING";
        let media = "INSERT INTO media (asset_id, tenant, recording_id, media_id, position, \
                     state, created_us) VALUES ($1,$2,$3,$4,$5,'declared',$6) \
                     ON CONFLICT (tenant, media_id) DO NOTHING";
        let facts = SearchFacts::of(document, new.zone);
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let created = sqlx::query(insert)
                .bind(tenant)
                .bind(document.id.as_str())
                .bind(document.value.to_string())
                .bind(i64::from(document.masks_complete))
                .bind(micros(new.now))
                .bind(document.interaction.as_ref().map(InteractionId::as_str))
                .bind(names.acd_contact_id.as_ref().map(ContactId::as_str))
                .bind(names.master_contact_id.as_ref().map(ContactId::as_str))
                .bind(names.segment_id.as_ref().map(SegmentId::as_str))
                .execute(&mut *tx)
                .await?
                .rows_affected();
            if created == 0 {
                drop(tx);
                return self.compare(new).await;
            }
            for (position, entry) in document.media.iter().enumerate() {
                let added = sqlx::query(media)
                    .bind(AssetId::generate().to_string())
                    .bind(tenant)
                    .bind(document.id.as_str())
                    .bind(entry.media_id.as_str())
                    .bind(i64::try_from(position).unwrap_or(i64::MAX))
                    .bind(micros(new.now))
                    .execute(&mut *tx)
                    .await?
                    .rows_affected();
                if added == 0 {
                    return Ok(Declared::MediaTaken(entry.media_id.clone()));
                }
            }
            write_facts!(&mut tx, tenant, document.id.as_str(), &facts);
            tx.commit().await?;
            Ok(Declared::Created)
        })
    }

    async fn compare(&self, new: &NewRecording<'_>) -> Result<Declared, CatalogError> {
        let Some(found) = self.recording(new.tenant, &new.document.id).await? else {
            return Ok(Declared::Gone);
        };
        let same = found.document == new.document.value;
        Ok(if same { Declared::Same } else { Declared::Different })
    }

    /// Takes back a declaration of which no byte was acknowledged, and which is not on hold; else
    /// does nothing.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn forget(&self, tenant: &TenantId, id: &RecordingId) -> Result<(), CatalogError> {
        let still = "SELECT (SELECT COUNT(*) FROM media WHERE tenant = $1 AND recording_id = $2 \
                     AND state <> 'declared') + (SELECT COUNT(*) FROM recordings \
                     WHERE tenant = $1 AND id = $2 AND held_us IS NOT NULL)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let kept: i64 = sqlx::query_scalar(still)
                .bind(tenant.as_str())
                .bind(id.as_str())
                .fetch_one(&mut *tx)
                .await?;
            if kept == 0 {
                for sql in [
                    "DELETE FROM media WHERE tenant = $1 AND recording_id = $2",
                    "DELETE FROM recording_terms WHERE tenant = $1 AND recording_id = $2",
                    "DELETE FROM late_masks WHERE tenant = $1 AND recording_id = $2",
                    "DELETE FROM recordings WHERE tenant = $1 AND id = $2",
                ] {
                    let query = sqlx::query(sql).bind(tenant.as_str()).bind(id.as_str());
                    query.execute(&mut *tx).await?;
                }
                tx.commit().await?;
            }
        });
        Ok(())
    }

    /// A recording with its late masks, and the ledger of its interaction; nothing when all of it was
    /// deleted.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn recording(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
    ) -> Result<Option<RecordingRow>, CatalogError> {
        let sql = "SELECT document, masks_complete, interaction_id, stop_us FROM recordings \
                   WHERE tenant = $1 AND id = $2 AND gone_us IS NULL";
        let masks = "SELECT time, kind FROM late_masks \
                     WHERE tenant = $1 AND recording_id = $2 ORDER BY position";
        let found = on_read!(self, |pool| {
            let row = sqlx::query(sql)
                .bind(tenant.as_str())
                .bind(id.as_str())
                .fetch_optional(pool)
                .await?;
            let Some(row) = row else { return Ok(None) };
            let interaction: Option<String> = row.try_get("interaction_id")?;
            let interaction = interaction.map(|text| InteractionId::parse(&text)).transpose();
            let ended: Option<i64> = row.try_get("stop_us")?;
            let document: String = row.try_get("document")?;
            let complete: i64 = row.try_get("masks_complete")?;
            let late = sqlx::query(masks).bind(tenant.as_str()).bind(id.as_str());
            let mut late_masks = Vec::new();
            for row in late.fetch_all(pool).await? {
                late_masks
                    .push(MaskEntry { time: row.try_get("time")?, kind: row.try_get("kind")? });
            }
            RecordingRow {
                tenant: tenant.clone(),
                id: id.clone(),
                document: serde_json::from_str(&document)
                    .map_err(|error| CatalogError::row(id, error))?,
                interaction: interaction.map_err(|error| CatalogError::row(id, error))?,
                rulings: Vec::new(),
                ended: ended.map(instant),
                masks_complete: complete != 0,
                late_masks,
            }
        });
        let rulings = match &found.interaction {
            Some(interaction) => self.rulings(tenant, interaction).await?,
            None => Vec::new(),
        };
        Ok(Some(RecordingRow { rulings, ..found }))
    }

    /// Adds masks, unless an asset of the recording is already being processed.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn add_masks(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
        masks: &[MaskEntry],
    ) -> Result<MaskChange, CatalogError> {
        // The update is the lock that a job's lease takes too: either sees the other's work.
        let lock = "UPDATE recordings SET masks_complete = masks_complete \
                    WHERE tenant = $1 AND id = $2";
        let late = "SELECT COUNT(*) FROM media m LEFT JOIN jobs j ON j.asset_id = m.asset_id \
                    WHERE m.tenant = $1 AND m.recording_id = $2 AND (j.running = 1 OR m.state \
                    IN ('committing', 'ready', 'archived', 'quarantined', 'erased'))";
        let next = "SELECT COALESCE(MAX(position), -1) + 1 FROM late_masks \
                    WHERE tenant = $1 AND recording_id = $2";
        let insert = "INSERT INTO late_masks (tenant, recording_id, position, time, kind) \
                      VALUES ($1,$2,$3,$4,$5)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let known = sqlx::query(lock).bind(tenant.as_str()).bind(id.as_str());
            if known.execute(&mut *tx).await?.rows_affected() == 0 {
                return Ok(MaskChange::Unknown);
            }
            let busy = sqlx::query_scalar::<_, i64>(late).bind(tenant.as_str()).bind(id.as_str());
            if busy.fetch_one(&mut *tx).await? > 0 {
                return Ok(MaskChange::TooLate);
            }
            let first = sqlx::query_scalar::<_, i64>(next).bind(tenant.as_str()).bind(id.as_str());
            let first = first.fetch_one(&mut *tx).await?;
            for (position, mask) in (first..).zip(masks) {
                sqlx::query(insert)
                    .bind(tenant.as_str())
                    .bind(id.as_str())
                    .bind(position)
                    .bind(&mask.time)
                    .bind(&mask.kind)
                    .execute(&mut *tx)
                    .await?;
            }
            tx.commit().await?;
            Ok(MaskChange::Accepted)
        })
    }

    /// No more masks will come: waiting jobs are due now, but for those that wait for the end of an
    /// interaction. False when there is no such recording.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub async fn complete_masks(
        &self,
        tenant: &TenantId,
        id: &RecordingId,
        now: Timestamp,
    ) -> Result<bool, CatalogError> {
        let done = "UPDATE recordings SET masks_complete = 1 WHERE tenant = $1 AND id = $2";
        let due = "UPDATE jobs SET run_at_us = $3 WHERE running = 0 AND run_at_us <> $5 \
                   AND asset_id IN (SELECT asset_id FROM media WHERE tenant = $1 \
                   AND recording_id = $2 AND state = $4)";
        on_write!(self, |pool, begin, _lock| {
            let mut tx = pool.begin_with(begin).await?;
            let known = sqlx::query(done).bind(tenant.as_str()).bind(id.as_str());
            let known = known.execute(&mut *tx).await?.rows_affected() > 0;
            sqlx::query(due)
                .bind(tenant.as_str())
                .bind(id.as_str())
                .bind(micros(now))
                .bind(MediaState::Spooled.name())
                .bind(WAITS_FOR_END)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            Ok(known)
        })
    }
}
