//! Uploads that go on as long as the call: durable while they come, kept when they break.
//!
//! Bytes are fsynced at a bounded interval, and that many may be relied on: they survive a broken
//! connection and a crash, and `HEAD` tells them. One writer at a time has an upload; a writer from
//! which nothing came for a while gives way to one that goes on at the right offset. When the
//! interaction ends, the sender has a moment to finish, then the upload ends with what came
//! (`sweep.rs`).

mod body;
mod writing;

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

pub use writing::LiveUploads;
use writing::{Hold, Told};

use super::{Ingest, IngestError, Received};
use crate::asset::{AssetId, MediaId, RecordingId, TenantId};
use crate::catalog::{LiveClaim, MediaRow, MediaState};
use crate::spool::{Resumed, SpoolError};

/// A writer from which nothing came for so many intervals of fsync gives way to another.
const SILENT_INTERVALS: u32 = 3;
/// How long another writer is waited for that gives way.
const GIVE_WAY: Duration = Duration::from_secs(5);
/// How often it is asked for.
const ASK_AGAIN: Duration = Duration::from_millis(20);

/// What a claim found.
#[derive(Debug)]
pub enum LiveClaimed {
    /// Send the bytes from [`LiveUpload::offset`] on.
    Open(Box<LiveUpload>),
    /// It was acknowledged before.
    Before(Box<MediaRow>),
}

/// A live upload that is being written.
#[derive(Debug)]
pub struct LiveUpload {
    ingest: Ingest,
    row: Box<MediaRow>,
    offset: u64,
    /// Taken while a body is received.
    file: Option<(Hold, Resumed)>,
}

/// How far a body brought an upload.
#[derive(Debug)]
pub enum LivePart {
    /// So much is durable, and more is to come.
    Open(u64),
    /// It ended: by its sender, or because the interaction did.
    Ended(Box<Received>, Ending),
}

/// Who ended a live upload.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Its sender.
    Sender,
    /// The end of the interaction: nothing that the sender promised of the whole can be held to it.
    Interaction,
}

impl Ingest {
    /// Claims a declared media file for a live upload, or goes on with one that broke.
    ///
    /// # Errors
    /// [`IngestError::Unknown`] and [`IngestError::Busy`].
    pub async fn claim_live(
        &self,
        tenant: &TenantId,
        recording: &RecordingId,
        media: &MediaId,
    ) -> Result<LiveClaimed, IngestError> {
        let (node, now) = (self.spool.node(), self.clock.now());
        let row = match self.catalog.claim_live(tenant, (recording, media), node, now).await? {
            LiveClaim::Unknown => return Err(IngestError::Unknown),
            LiveClaim::Busy => return Err(IngestError::Busy),
            LiveClaim::Done(row) => return Ok(LiveClaimed::Before(row)),
            LiveClaim::Open(row) => row,
        };
        let hold = self.hold(row.asset_id).await?;
        if !self.catalog.still_receiving(row.asset_id).await? {
            // Whoever held it until now ended it.
            let row = self.catalog.asset(row.asset_id).await?.ok_or(IngestError::Unknown)?;
            let done = !matches!(row.state, MediaState::Declared | MediaState::Receiving);
            return if done {
                Ok(LiveClaimed::Before(Box::new(row)))
            } else {
                Err(IngestError::Busy)
            };
        }
        let file = self.open_live(row.asset_id).await?;
        let offset = match &file {
            Resumed::Ended(bytes, _) => *bytes,
            Resumed::Open(writer) => writer.bytes(),
        };
        hold.writing.durable.store(offset, Ordering::Relaxed);
        let (ingest, file) = (self.clone(), Some((hold, file)));
        Ok(LiveClaimed::Open(Box::new(LiveUpload { ingest, row, offset, file })))
    }

    /// The hold on an upload; from a writer that fell silent it is taken.
    async fn hold(&self, asset: AssetId) -> Result<Hold, IngestError> {
        if let Some(hold) = self.live.hold(asset) {
            return Ok(hold);
        }
        let silent =
            Duration::from_millis(self.settings.live_sync_ms).saturating_mul(SILENT_INTERVALS);
        let Some(writing) = self.live.writing(asset) else {
            return self.live.hold(asset).ok_or(IngestError::Busy);
        };
        if writing.silent_for() < silent {
            return Err(IngestError::Busy);
        }
        writing.told.send_replace(Told::GiveWay);
        // Until its thread let go of the file.
        let begun = Instant::now();
        while begun.elapsed() < GIVE_WAY {
            if let Some(hold) = self.live.hold(asset) {
                return Ok(hold);
            }
            tokio::time::sleep(ASK_AGAIN).await;
        }
        Err(IngestError::Busy)
    }

    async fn open_live(&self, asset: AssetId) -> Result<Resumed, IngestError> {
        let spool = self.spool.clone();
        let open = move || match spool.resume(asset)? {
            Some(found) => Ok(found),
            None => Ok::<_, SpoolError>(Resumed::Open(Box::new(spool.create(asset)?))),
        };
        Ok(tokio::task::spawn_blocking(open).await.map_err(|_| IngestError::Thread)??)
    }

    /// How many bytes of an upload are durable, for a sender that wants to go on.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn durable(&self, row: &MediaRow) -> Result<u64, IngestError> {
        if row.state != MediaState::Receiving || !self.catalog.is_live(row.asset_id).await? {
            return Ok(row.upload_bytes.unwrap_or(0));
        }
        if let Some(writing) = self.live.writing(row.asset_id) {
            return Ok(writing.durable.load(Ordering::Relaxed));
        }
        let Some(_hold) = self.live.hold(row.asset_id) else { return Err(IngestError::Busy) };
        let (spool, asset) = (self.spool.clone(), row.asset_id);
        let found = tokio::task::spawn_blocking(move || spool.resume(asset)).await;
        Ok(match found.map_err(|_| IngestError::Thread)?? {
            None => 0,
            Some(Resumed::Ended(bytes, _)) => bytes,
            Some(Resumed::Open(writer)) => writer.bytes(),
        })
    }

    /// Ends an upload that nobody writes any more with what is durable of it, or gives it back when
    /// that is nothing.
    pub(super) async fn finish_broken(&self, row: MediaRow) -> Result<(), IngestError> {
        let asset = row.asset_id;
        let Some(hold) = self.live.hold(asset) else { return Ok(()) };
        if !self.catalog.still_receiving(asset).await? {
            return Ok(());
        }
        let spool = self.spool.clone();
        let end = move || match spool.resume(asset)? {
            Some(Resumed::Ended(bytes, digest)) => Ok(Some((bytes, digest))),
            Some(Resumed::Open(writer)) if writer.bytes() > 0 => {
                let bytes = writer.bytes();
                Ok(Some((bytes, writer.finish()?)))
            }
            _ => Ok::<_, SpoolError>(None),
        };
        let ended = tokio::task::spawn_blocking(end).await.map_err(|_| IngestError::Thread)??;
        match ended {
            Some(content) => {
                let received = Received::live(self.clone(), Box::new(row), content);
                self.acknowledge(vec![received], None).await?;
                tracing::info!(%asset, bytes = content.0, "a broken live upload was ended");
            }
            None => self.give_back(asset).await?,
        }
        drop(hold);
        Ok(())
    }
}

impl LiveUpload {
    /// Bytes that are durable; the next byte of the body is this one.
    pub const fn offset(&self) -> u64 {
        self.offset
    }

    /// Destroys what came, so that the upload may begin anew.
    ///
    /// # Errors
    /// [`IngestError`].
    pub async fn discard(self) -> Result<(), IngestError> {
        self.ingest.give_back(self.row.asset_id).await
    }
}
