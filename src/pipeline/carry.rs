//! One run of one asset, from the spool to *ready*.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

use super::analyse;
use super::analyse::{MaskRequest, analyse_decoded};
use super::transform::{Transformed, transform};
use super::{Analysed, CHANNEL_CHUNKS, MANIFEST_TYPE, Manifest, Pipeline, PipelineError};
use crate::asset::{
    AssetId, Digest, MediaEntry, MediaType, Outcome, RecordingDocument, Rules, SealFacts,
    StoredObject,
};
use crate::catalog::{Job, MediaRow, MediaState, RecordingRow};
use crate::mask::{Fallback, MaskSettings, QuarantineReason};
use crate::seal::{SealMode, Sealer};
use crate::spool::Spool;
use crate::store::{Content, IfExists, ObjectKey, Outlet, Part, SEGMENT_BYTES, Staged, StoreError};

/// Earlier attempts whose temporary objects are removed before a new one.
const CLEARED_ATTEMPTS: u32 = 3;

/// One of the two ways to look at a file: as it is, or decoded.
type Analysis = fn(&Spool, AssetId, &MaskRequest, &MaskSettings) -> Result<Analysed, PipelineError>;

/// The rows of one asset, read after its job was taken.
struct Rows {
    media: MediaRow,
    recording: RecordingRow,
    document: RecordingDocument,
    entry: MediaEntry,
}

impl Pipeline {
    /// Carries an asset as far as it goes.
    pub(super) async fn carry(&self, job: Job) -> Result<MediaState, PipelineError> {
        let asset = job.asset_id;
        let rows = self.rows(asset).await?;
        if rows.media.state == MediaState::Committing
            && let Some(outcome) = self.settle(&rows).await?
        {
            return self.complete(&rows, &outcome).await;
        }
        let mut analysed = match self.analyse(&rows, analyse).await {
            Err(PipelineError::NotRecorded) => return self.erase(&rows, job.attempts).await,
            analysed => analysed?,
        };
        self.clear_attempts(&rows, job.attempts).await?;
        let part = Part::new(self.key(&rows)?, &attempt(job.attempts))?;
        let (staged, transformed) = match self.stage(&rows, &analysed, part.clone()).await {
            Err(PipelineError::Quarantine {
                reason: QuarantineReason::MaskUnsupportedContainer,
                ..
            }) if self.mask.fallback == Fallback::Transcode => {
                analysed = self.analyse(&rows, analyse_decoded).await?;
                self.stage(&rows, &analysed, part).await?
            }
            staged => staged?,
        };
        let outcome = self.outcome(&rows, &analysed, &staged, &transformed)?;
        let segments = segments_text(&transformed.segments);
        let text = outcome_text(asset, &outcome)?;
        self.catalog.intend(asset, &text, &segments, self.clock.now()).await?;
        self.store.commit(&staged, IfExists::Refuse).await?;
        self.complete(&rows, &outcome).await
    }

    async fn rows(&self, asset: AssetId) -> Result<Rows, PipelineError> {
        let missing = |detail: &str| PipelineError::Rows {
            asset: asset.to_string(),
            detail: detail.to_owned(),
        };
        let media = self.catalog.asset(asset).await?.ok_or_else(|| missing("no media row"))?;
        let recording = self.catalog.recording(&media.tenant, &media.recording_id).await?;
        let recording = recording.ok_or_else(|| missing("no recording"))?;
        let text = recording.document.to_string();
        let document = RecordingDocument::parse(text.as_bytes(), Rules::Ingest)
            .map_err(|_| missing("the document is not readable"))?;
        let entry = document.entry(&media.media_id).map(|(_, entry)| entry.clone());
        let entry = entry.ok_or_else(|| missing("the document lacks the media id"))?;
        Ok(Rows { media, recording, document, entry })
    }

    /// After a crash between intent and *ready*: is the intended object there? If not, its
    /// temporary object is removed, and the asset is carried from the spool again.
    async fn settle(&self, rows: &Rows) -> Result<Option<Outcome>, PipelineError> {
        let Some(outcome) = rows
            .media
            .outcome
            .as_deref()
            .and_then(|text| serde_json::from_str::<Outcome>(text).ok())
        else {
            return Ok(None);
        };
        let key = ObjectKey::parse(&outcome.stored.key)?;
        if self.is_stored(&key, &outcome).await? {
            return Ok(Some(outcome));
        }
        let part = Part::new(key.clone(), &outcome.stored.attempt)?;
        self.store.abort(&part).await?;
        // The commit may have happened while the question was on its way.
        Ok(if self.is_stored(&key, &outcome).await? { Some(outcome) } else { None })
    }

    async fn is_stored(&self, key: &ObjectKey, outcome: &Outcome) -> Result<bool, PipelineError> {
        match self.store.head(key).await? {
            None => Ok(false),
            Some(meta) if meta.len != outcome.stored.bytes => Ok(false),
            Some(_) => Ok(self.store.digest(key).await?.digest == outcome.stored.sha256),
        }
    }

    async fn analyse(&self, rows: &Rows, analyse: Analysis) -> Result<Analysed, PipelineError> {
        let (spool, settings) = (self.spool.clone(), self.mask.clone());
        let (asset, media) = (rows.media.asset_id, &rows.media.media_id);
        let request = MaskRequest::of(&rows.recording, &rows.document, media);
        let request = request.ok_or_else(|| PipelineError::Rows {
            asset: asset.to_string(),
            detail: "the document lacks the media id".to_owned(),
        })?;
        let work = move || analyse(&spool, asset, &request, &settings);
        tokio::task::spawn_blocking(work).await.map_err(|_| PipelineError::Thread)?
    }

    /// Removes what the latest attempts may have left under their temporary names. A server may
    /// make a name only after its client is gone, so more than the last one is looked at.
    async fn clear_attempts(&self, rows: &Rows, attempts: u32) -> Result<(), PipelineError> {
        for number in attempts.saturating_sub(CLEARED_ATTEMPTS)..attempts {
            self.store.abort(&Part::new(self.key(rows)?, &attempt(number))?).await?;
        }
        Ok(())
    }

    /// Masks, seals and uploads under a temporary name, and verifies what the store holds.
    async fn stage(
        &self,
        rows: &Rows,
        analysed: &Analysed,
        part: Part,
    ) -> Result<(Staged, Transformed), PipelineError> {
        let sealer = self.seal.sealer(analysed.measured.bytes)?;
        let length = sealer.sealed_len();
        let (outlet, body) = Outlet::channel(CHANNEL_CHUNKS);
        let (spool, asset) = (self.spool.clone(), rows.media.asset_id);
        let job = analysed.clone();
        let pass =
            tokio::task::spawn_blocking(move || transform(&spool, asset, &job, sealer, outlet));
        let staged = self.store.stage(&part, length, body).await;
        let transformed = pass.await.map_err(|_| PipelineError::Thread)?;
        match (staged, transformed) {
            (Ok(staged), Ok(transformed)) => Ok((staged, transformed)),
            (staged, transformed) => {
                self.abort(&part).await;
                // When both failed, a broken channel is only the echo of the other's failure.
                match (staged, transformed) {
                    (Err(StoreError::Body { .. }), Err(cause)) => Err(cause),
                    (Err(error), _) => Err(error.into()),
                    (_, Err(cause)) => Err(cause),
                    (Ok(staged), Ok(transformed)) => Ok((staged, transformed)),
                }
            }
        }
    }

    async fn abort(&self, part: &Part) {
        if let Err(error) = self.store.abort(part).await {
            tracing::warn!(part = %part, error = %error, "a temporary object may be left");
        }
    }

    fn key(&self, rows: &Rows) -> Result<ObjectKey, PipelineError> {
        let zone = self.mask.time_zone();
        let start = rows.entry.start.resolve(zone.as_ref()).unwrap_or(Timestamp::UNIX_EPOCH);
        let date: Date = start.to_zoned(TimeZone::UTC).date();
        let mut name = rows.media.media_id.to_string();
        match self.seal.mode {
            SealMode::None => {}
            SealMode::Cms => name.push_str(".p7m"),
            SealMode::Gir => name.push_str(".bin"),
        }
        Ok(ObjectKey::asset(&rows.media.tenant, date, rows.media.asset_id, &name)?)
    }

    fn outcome(
        &self,
        rows: &Rows,
        analysed: &Analysed,
        staged: &Staged,
        transformed: &Transformed,
    ) -> Result<Outcome, PipelineError> {
        let certificate = &transformed.certificate;
        let summary = &transformed.summary;
        let Content { len, digest } = staged.content;
        let key = staged.part.key();
        let position = rows.media.position;
        let zone = self.mask.time_zone();
        let start = rows.entry.start.resolve(zone.as_ref()).unwrap_or(Timestamp::UNIX_EPOCH);
        let gir = summary.mode == SealMode::Gir;
        let media_type = match analysed.decoded_from {
            Some(_) => MediaType::Wav,
            None => rows.entry.media_type,
        };
        Ok(Outcome {
            media_type: media_type.mime().to_owned(),
            duration_ms: analysed.measured.duration.as_millis(),
            bytes: certificate.bytes,
            sha256: certificate.masked_sha256.ok_or(PipelineError::Thread)?,
            spans: analysed.plan.requested.clone(),
            certificate: serde_json::to_value(certificate).unwrap_or_default(),
            file_name: file_name(
                &rows.document.agent_name(position),
                start,
                rows.media.recording_id.as_str(),
                media_type.extension(),
            ),
            stored: StoredObject {
                key: key.as_str().to_owned(),
                url: self.store.url(key),
                bytes: len,
                sha256: digest,
                segment_bytes: SEGMENT_BYTES,
                attempt: staged.part.attempt().to_owned(),
            },
            seal: SealFacts {
                mode: summary.mode.to_string(),
                cipher: summary.cipher.map(|cipher| cipher.to_string()),
                pkcs7: summary.pkcs7.clone(),
                cert_alias: if gir { self.seal.aliases.clone() } else { Vec::new() },
                playback_envelope: summary.playback_envelope.clone(),
                playback: summary.mode == SealMode::None || self.seal.playback.is_some(),
            },
        })
    }

    /// Manifest, *ready*, and the end of the spool file, in this order.
    async fn complete(&self, rows: &Rows, outcome: &Outcome) -> Result<MediaState, PipelineError> {
        self.write_manifest(rows, outcome).await?;
        let record = self.call_records.record(&rows.document, &rows.media, outcome);
        let now = self.clock.now();
        self.catalog.finish(&rows.media, &self.targets, record.as_ref(), now).await?;
        self.destroy(rows.media.asset_id).await?;
        Ok(MediaState::Ready)
    }

    /// Nothing is kept: the row says so, then the spool file goes. What earlier attempts may have
    /// left in the store goes first.
    async fn erase(&self, rows: &Rows, attempts: u32) -> Result<MediaState, PipelineError> {
        self.clear_attempts(rows, attempts).await?;
        self.catalog.erase(&rows.media, &self.targets, self.clock.now()).await?;
        self.destroy(rows.media.asset_id).await?;
        Ok(MediaState::Erased)
    }

    pub(super) async fn destroy(&self, asset: AssetId) -> Result<(), PipelineError> {
        let spool = self.spool.clone();
        let destroyed = tokio::task::spawn_blocking(move || spool.destroy(asset)).await;
        Ok(destroyed.map_err(|_| PipelineError::Thread)??)
    }

    async fn write_manifest(&self, rows: &Rows, outcome: &Outcome) -> Result<(), PipelineError> {
        let bad = |detail: &str| PipelineError::Rows {
            asset: rows.media.asset_id.to_string(),
            detail: detail.to_owned(),
        };
        // The row may have changed since it was read: digests come from the upload's acceptance.
        let media = &rows.media;
        let segments = self.catalog.segments(media.asset_id).await?;
        let segments = segments.as_deref().and_then(parse_segments);
        let manifest = Manifest {
            version: 1,
            tenant: media.tenant.to_string(),
            recording_id: media.recording_id.to_string(),
            media_id: media.media_id.to_string(),
            asset_id: media.asset_id.to_string(),
            document: rows.recording.completed(),
            late_masks: rows.recording.late_masks.clone(),
            rulings: rows.recording.rulings.clone(),
            upload_bytes: media.upload_bytes.ok_or_else(|| bad("no upload length"))?,
            upload_sha256: media.upload_sha256.ok_or_else(|| bad("no upload digest"))?,
            outcome: outcome.clone(),
            segments: segments.ok_or_else(|| bad("no segment digests"))?,
        };
        let text = serde_json::to_string(&manifest).map_err(|_| bad("no manifest"))?;
        let signed = self.signing.sign(MANIFEST_TYPE, text.as_bytes())?;
        let mut sealer = Sealer::leave_clear(signed.len() as u64);
        let chunk = sealer.push(signed.as_bytes())?;
        let key = ObjectKey::parse(&outcome.stored.key)?.manifest();
        // Always the same temporary name: what a crash left is written over.
        let part = Part::new(key, "t")?;
        Ok(self.store.put_small(&part, &chunk, IfExists::Replace).await?)
    }
}

/// The name of an attempt, which its temporary object carries.
fn attempt(number: u32) -> String {
    format!("t{number}")
}

fn outcome_text(asset: AssetId, outcome: &Outcome) -> Result<String, PipelineError> {
    serde_json::to_string(outcome).map_err(|error| PipelineError::Rows {
        asset: asset.to_string(),
        detail: error.to_string(),
    })
}

/// Digests, separated by blanks.
fn segments_text(segments: &[Digest]) -> String {
    segments.iter().map(Digest::to_string).collect::<Vec<_>>().join(" ")
}

fn parse_segments(text: &str) -> Option<Vec<Digest>> {
    text.split(' ').map(|digits| Digest::parse(digits).ok()).collect()
}

/// `CXone recording_{agent name}_{call start time}[UTC]_{id}.{extension}` (the download page of the media playback API); what a file
/// system refuses is replaced.
fn file_name(agent: &str, start: Timestamp, id: &str, extension: &str) -> String {
    let start = start.strftime("%Y-%m-%dT%H-%M-%S");
    let name = format!("CXone recording_{agent}_{start}[UTC]_{id}.{extension}");
    name.chars()
        .map(|c| if c.is_control() || r#"/\:*?"<>|"#.contains(c) { '-' } else { c })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_name_is_the_documented_one() {
        let start: Timestamp = "2026-03-04T09:15:00Z".parse().unwrap();
        assert_eq!(
            file_name("Kim Lee", start, "a:b/c", "wav"),
            "CXone recording_Kim Lee_2026-03-04T09-15-00[UTC]_a-b-c.wav"
        );
    }
}
