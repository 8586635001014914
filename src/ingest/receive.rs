//! Receives one media file into the spool.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, mpsc};

use super::declared::hold_to;
use super::{
    CHANNEL_CHUNKS, Declared, IngestError, IngestSettings, LiveUploads, Receipt, ReceiptState,
};
use crate::asset::{AssetId, Clock, Digest, Hasher, MediaId, RecordingId, TenantId};
use crate::catalog::{Accepted, Catalog, MediaRow, UploadClaim};
use crate::seal::SigningKey;
use crate::spool::{Spool, SpoolError};

/// Takes uploads. Cheap to clone.
#[derive(Clone)]
pub struct Ingest {
    /// Where bytes go.
    pub spool: Spool,
    /// Rows.
    pub catalog: Catalog,
    /// `[ingest]`.
    pub settings: IngestSettings,
    /// Signs receipts.
    pub signing: Arc<SigningKey>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Rung when an upload was acknowledged.
    pub bell: Arc<Notify>,
    /// One permit for each upload under way.
    pub permits: Arc<Semaphore>,
    /// Live uploads that are being written.
    pub live: LiveUploads,
    /// Rung when an interaction ended, or an upload of one.
    pub live_bell: Arc<Notify>,
}

impl std::fmt::Debug for Ingest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ingest").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// The right to receive one more upload.
#[derive(Debug)]
pub struct Slot(#[expect(dead_code, reason = "held for its drop")] OwnedSemaphorePermit);

/// What a claim found.
#[derive(Debug)]
pub enum Claimed {
    /// Send the bytes.
    New(Box<Received>),
    /// It was acknowledged before; the bytes may be compared.
    Before(Box<MediaRow>),
}

/// An upload that is claimed, and later received. Dropped before it is acknowledged, it cleans up.
#[derive(Debug)]
pub struct Received {
    ingest: Ingest,
    row: Box<MediaRow>,
    /// Length and digest, once all bytes are durable.
    content: Option<(u64, Digest)>,
    /// Whether there is nothing left to clean up.
    settled: bool,
    /// What must stay until it is acknowledged.
    held: Option<Held>,
}

/// Kept for its drop.
pub(super) type Held = Box<dyn std::fmt::Debug + Send + Sync>;

impl Ingest {
    /// A place among the uploads under way.
    ///
    /// # Errors
    /// [`IngestError::TooMany`].
    pub fn slot(&self) -> Result<Slot, IngestError> {
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        let limit = self.settings.max_uploads;
        permit.map(Slot).map_err(|_| IngestError::TooMany { limit })
    }

    /// Answers before the body is read whether its length can be taken.
    ///
    /// # Errors
    /// [`IngestError::TooLarge`] and [`IngestError::NoRoom`].
    pub fn admit(&self, bytes: u64) -> Result<(), IngestError> {
        if bytes > self.settings.max_media_bytes {
            return Err(IngestError::TooLarge { limit: self.settings.max_media_bytes });
        }
        let wanted = bytes.saturating_add(self.settings.reserve_bytes);
        if self.spool.free_bytes()? < wanted {
            return Err(IngestError::NoRoom { bytes });
        }
        Ok(())
    }

    /// Claims a declared media file.
    ///
    /// # Errors
    /// [`IngestError::Unknown`] and [`IngestError::Busy`].
    pub async fn claim(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        media: &MediaId,
    ) -> Result<Claimed, IngestError> {
        let (node, now) = (self.spool.node(), self.clock.now());
        match self.catalog.claim_upload(tenant, (recording, media), node, now).await? {
            UploadClaim::Unknown => Err(IngestError::Unknown),
            UploadClaim::Busy => Err(IngestError::Busy),
            UploadClaim::Done(row) => Ok(Claimed::Before(row)),
            UploadClaim::Started(row) => Ok(Claimed::New(Box::new(Received {
                ingest: self.clone(),
                row,
                content: None,
                settled: false,
                held: None,
            }))),
        }
    }

    /// Compares a repeated body with what was acknowledged.
    ///
    /// # Errors
    /// [`IngestError::OtherBytes`] when it differs.
    pub async fn compare<S, E>(&self, row: &MediaRow, body: S) -> Result<(), IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let mut hasher = Hasher::default();
        let mut body = body;
        while let Some(chunk) = self.next(&mut body, hasher.bytes()).await? {
            hasher.update(&chunk);
            if Some(hasher.bytes()) > row.upload_bytes {
                return Err(IngestError::OtherBytes);
            }
        }
        let same =
            Some(hasher.bytes()) == row.upload_bytes && Some(hasher.finish()) == row.upload_sha256;
        if same { Ok(()) } else { Err(IngestError::OtherBytes) }
    }

    async fn next<S, E>(&self, body: &mut S, received: u64) -> Result<Option<Bytes>, IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let idle = Duration::from_secs(self.settings.idle_s);
        match tokio::time::timeout(idle, body.next()).await {
            Ok(None) => Ok(None),
            Ok(Some(Ok(chunk))) => Ok(Some(chunk)),
            Ok(Some(Err(_))) | Err(_) => Err(IngestError::Broken { received }),
        }
    }

    /// Acknowledges uploads, all or none: rows, receipts and jobs in one transaction. Answers the
    /// receipts in the same order. A caller that goes away meanwhile does not stop it half way.
    ///
    /// # Errors
    /// [`IngestError`]; nothing is kept then.
    pub async fn acknowledge(
        &self,
        uploads: Vec<Received>,
        wait: Option<SignedDuration>,
    ) -> Result<Vec<String>, IngestError> {
        let ingest = self.clone();
        let work = tokio::spawn(async move { ingest.accept(uploads, wait).await });
        work.await.map_err(|_| IngestError::Thread)?
    }

    async fn accept(
        &self,
        mut uploads: Vec<Received>,
        wait: Option<SignedDuration>,
    ) -> Result<Vec<String>, IngestError> {
        let now = self.clock.now();
        let run_at = wait.and_then(|wait| now.checked_add(wait).ok()).unwrap_or(now);
        let mut accepted = Vec::with_capacity(uploads.len());
        for upload in &uploads {
            let (bytes, sha256) = upload.content.ok_or(IngestError::Thread)?;
            let receipt = self.receipt(&upload.row, (bytes, sha256), ReceiptState::Spooled, now)?;
            accepted.push(Accepted { asset_id: upload.row.asset_id, bytes, sha256, receipt });
        }
        if !self.catalog.accept_uploads(&accepted, self.spool.node(), run_at, now).await? {
            return Err(IngestError::Busy);
        }
        for upload in &mut uploads {
            upload.settled = true;
            upload.held = None;
            metrics::counter!("reelgate_uploads_total", "outcome" => "acknowledged").increment(1);
            metrics::counter!("reelgate_upload_bytes_total").increment(upload.bytes());
        }
        self.bell.notify_one();
        self.live_bell.notify_one();
        Ok(accepted.into_iter().map(|upload| upload.receipt).collect())
    }

    /// The receipt of a ready asset, replaced once by one that says *stored*.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn upgrade_receipt(&self, row: &MediaRow) -> Result<String, IngestError> {
        let old = row.receipt.clone().ok_or(IngestError::Unknown)?;
        if Receipt::read(&old).is_some_and(|receipt| receipt.state == ReceiptState::Stored) {
            return Ok(old);
        }
        let content = row.upload_bytes.zip(row.upload_sha256).ok_or(IngestError::Unknown)?;
        let receipt = self.receipt(row, content, ReceiptState::Stored, self.clock.now())?;
        let kept = self.catalog.replace_receipt(row.asset_id, (&old, &receipt)).await?;
        kept.ok_or(IngestError::Unknown)
    }

    fn receipt(
        &self,
        row: &MediaRow,
        (bytes, sha256): (u64, Digest),
        state: ReceiptState,
        time: Timestamp,
    ) -> Result<String, IngestError> {
        let receipt = Receipt {
            tenant: row.tenant.clone(),
            recording_id: row.recording_id.clone(),
            media_id: row.media_id.clone(),
            bytes,
            sha256,
            state,
            time,
        };
        Ok(receipt.sign(&self.signing)?)
    }
}

impl Received {
    /// A live upload that has ended. Dropped, it stays as it is: what is durable of it may have been
    /// told to its sender.
    pub(super) fn live(ingest: Ingest, row: Box<MediaRow>, content: (u64, Digest)) -> Self {
        Self { ingest, row, content: Some(content), settled: true, held: None }
    }

    /// The same, holding something until it is acknowledged.
    pub(super) fn holding(mut self, held: Held) -> Self {
        self.held = Some(held);
        self
    }

    /// Which asset this is.
    pub fn asset(&self) -> AssetId {
        self.row.asset_id
    }

    /// Which media file this is.
    pub fn media_id(&self) -> &MediaId {
        &self.row.media_id
    }

    /// Length of what was received, in bytes.
    pub fn bytes(&self) -> u64 {
        self.content.map_or(0, |(bytes, _)| bytes)
    }

    /// Receives the body into the spool and holds it to what was declared. When this returns, the
    /// bytes are durable.
    ///
    /// # Errors
    /// [`IngestError`]; dropping the upload then cleans up.
    pub async fn receive<S, E>(&mut self, body: S, declared: &Declared) -> Result<(), IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        metrics::gauge!("reelgate_uploads_open").increment(1.0);
        let result = self.receive_body(body).await;
        metrics::gauge!("reelgate_uploads_open").decrement(1.0);
        let content = result?;
        hold_to(declared, content)?;
        self.content = Some(content);
        Ok(())
    }

    async fn receive_body<S, E>(&self, mut body: S) -> Result<(u64, Digest), IngestError>
    where
        S: Stream<Item = Result<Bytes, E>> + Unpin,
    {
        let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
        let (spool, asset) = (self.ingest.spool.clone(), self.row.asset_id);
        let writer = tokio::task::spawn_blocking(move || write(&spool, asset, receiver));
        let limit = self.ingest.settings.max_media_bytes;
        let mut received = 0_u64;
        let fed = async {
            while let Some(chunk) = self.ingest.next(&mut body, received).await? {
                received = received.saturating_add(chunk.len() as u64);
                if received > limit {
                    return Err(IngestError::TooLarge { limit });
                }
                if sender.send(Some(chunk)).await.is_err() {
                    return Ok(());
                }
            }
            // Only this says that the body came to its end.
            let _ = sender.send(None).await;
            Ok(())
        }
        .await;
        drop(sender);
        let written = writer.await.map_err(|_| IngestError::Thread)?;
        fed?;
        match written {
            Ok(Some(content)) => Ok(content),
            Ok(None) => Err(IngestError::Broken { received }),
            Err(error) if error.is_full() => Err(IngestError::NoRoom { bytes: received }),
            Err(error) => Err(error.into()),
        }
    }
}

/// Writes chunks until the end; `None` when the channel closed without one.
fn write(
    spool: &Spool,
    asset: AssetId,
    mut chunks: mpsc::Receiver<Option<Bytes>>,
) -> Result<Option<(u64, Digest)>, SpoolError> {
    let mut writer = spool.create(asset)?;
    while let Some(chunk) = chunks.blocking_recv() {
        match chunk {
            Some(chunk) => writer.write(&chunk)?,
            None => {
                let bytes = writer.bytes();
                return Ok(Some((bytes, writer.finish()?)));
            }
        }
    }
    Ok(None)
}

impl Drop for Received {
    fn drop(&mut self) {
        if self.settled {
            return;
        }
        metrics::counter!("reelgate_uploads_total", "outcome" => "dropped").increment(1);
        let (ingest, asset) = (self.ingest.clone(), self.row.asset_id);
        // Without a runtime the process is ending: the recovery at the next start cleans up.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        runtime.spawn(async move {
            if let Err(error) = ingest.give_back(asset).await {
                tracing::error!(%asset, error = ?error, "a dropped upload was not given back");
            }
        });
    }
}

impl Ingest {
    /// Drops an upload and waits until nothing of it is left.
    pub async fn discard(&self, mut upload: Received) {
        upload.settled = true;
        if let Err(error) = self.give_back(upload.asset()).await {
            tracing::error!(asset = %upload.asset(), error = ?error, "an upload was not given back");
        }
    }

    /// Destroys what was received of an upload and lets another one begin. An acknowledgement whose
    /// answer was lost is found first, and then nothing is destroyed.
    pub(super) async fn give_back(&self, asset: AssetId) -> Result<(), IngestError> {
        if !self.catalog.still_receiving(asset).await? {
            return Ok(());
        }
        let spool = self.spool.clone();
        let destroyed = tokio::task::spawn_blocking(move || spool.destroy(asset)).await;
        destroyed.map_err(|_| IngestError::Thread)??;
        Ok(self.catalog.release_upload(asset, self.clock.now()).await?)
    }
}
