//! One pass over a spooled file: silence, check, seal, digest; the result goes to the store
//! through a bounded channel. Runs on a worker thread.

use std::io::{self, Read as _};
use std::sync::Arc;

use tokio::sync::mpsc;

use super::analyse::source;
use super::{Analysed, BLOCK_BYTES, PipelineError, SEGMENT_BYTES};
use crate::asset::{AssetId, Digest, Hasher};
use crate::mask::{Certificate, MaskError, Masker};
use crate::media::MediaError;
use crate::seal::{
    Cipher, KeyTransport, Random, Recipient, SealError, SealMode, SealSummary, SealedChunk, Sealer,
};
use crate::spool::Spool;

/// How this gateway seals: mode, ciphers, recipients.
pub struct SealPolicy {
    /// `none`, `cms` or `gir`.
    pub mode: SealMode,
    /// Content cipher of `cms`.
    pub cipher: Cipher,
    /// Content cipher of `gir`.
    pub gir_cipher: Cipher,
    /// How content keys reach recipients of `cms`.
    pub key_transport: KeyTransport,
    /// Configured recipients.
    pub recipients: Vec<Recipient>,
    /// The gateway's own recipient, whose key plays sealed files.
    pub playback: Option<Recipient>,
    /// Alias of each configured recipient (R3).
    pub aliases: Vec<String>,
    /// Randomness.
    pub random: Arc<dyn Random>,
}

impl std::fmt::Debug for SealPolicy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SealPolicy").field("mode", &self.mode).finish_non_exhaustive()
    }
}

impl SealPolicy {
    /// A sealer for a file of `bytes` bytes.
    ///
    /// # Errors
    /// [`SealError`] when there is no recipient or no randomness.
    pub fn sealer(&self, bytes: u64) -> Result<Sealer, SealError> {
        let random = self.random.as_ref();
        match self.mode {
            SealMode::None => Ok(Sealer::leave_clear(bytes)),
            SealMode::Cms => {
                let all: Vec<&Recipient> =
                    self.recipients.iter().chain(self.playback.as_ref()).collect();
                Sealer::cms(&all, self.cipher, self.key_transport, bytes, random)
            }
            SealMode::Gir => {
                let all: Vec<&Recipient> = self.recipients.iter().collect();
                Sealer::gir(&all, self.playback.as_ref(), self.gir_cipher, bytes, random)
            }
        }
    }
}

/// What the pass found out.
#[derive(Debug)]
pub(super) struct Transformed {
    pub(super) certificate: Certificate,
    pub(super) summary: SealSummary,
    pub(super) segments: Vec<Digest>,
}

/// Digests of the stored object's segments, as its bytes go by.
#[derive(Default)]
struct Segments {
    current: Hasher,
    done: Vec<Digest>,
}

impl Segments {
    fn update(&mut self, mut bytes: &[u8]) {
        while !bytes.is_empty() {
            let room = SEGMENT_BYTES.saturating_sub(self.current.bytes());
            let count = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
            let (now, later) = bytes.split_at_checked(count).unwrap_or((bytes, &[]));
            self.current.update(now);
            if self.current.bytes() == SEGMENT_BYTES {
                self.done.push(std::mem::take(&mut self.current).finish());
            }
            bytes = later;
        }
    }

    fn finish(mut self) -> Vec<Digest> {
        if self.current.bytes() > 0 || self.done.is_empty() {
            self.done.push(self.current.finish());
        }
        self.done
    }
}

/// Where sealed chunks go.
struct Outlet {
    chunks: mpsc::Sender<io::Result<SealedChunk>>,
    segments: Segments,
}

impl Outlet {
    fn send(&mut self, chunk: SealedChunk) -> Result<(), PipelineError> {
        if chunk.as_bytes().is_empty() {
            return Ok(());
        }
        self.segments.update(chunk.as_bytes());
        self.chunks.blocking_send(Ok(chunk)).map_err(|_| PipelineError::Thread)
    }
}

/// Runs the pass. A failure also fails the body that the store is reading, so no short object is
/// ever taken for a whole one.
pub(super) fn transform(
    spool: &Spool,
    asset: AssetId,
    analysed: &Analysed,
    sealer: Sealer,
    chunks: mpsc::Sender<io::Result<SealedChunk>>,
) -> Result<Transformed, PipelineError> {
    let mut outlet = Outlet { chunks: chunks.clone(), segments: Segments::default() };
    let result = pass(spool, asset, analysed, sealer, &mut outlet);
    if result.is_err() {
        // The store may be gone already; then there is nobody to tell.
        let _ = chunks.blocking_send(Err(io::Error::other("the file could not be sealed")));
    }
    let (certificate, summary) = result?;
    Ok(Transformed { certificate, summary, segments: outlet.segments.finish() })
}

fn pass(
    spool: &Spool,
    asset: AssetId,
    analysed: &Analysed,
    mut sealer: Sealer,
    outlet: &mut Outlet,
) -> Result<(Certificate, SealSummary), PipelineError> {
    let io = |error| PipelineError::from(MaskError::from(MediaError::Io(error)));
    let (mut source, mut index) = source(spool, asset, analysed)?;
    let mut masker = Masker::open(index.as_mut(), &analysed.measured, &analysed.plan)?;
    drop(index);
    let mut block = zeroize::Zeroizing::new(vec![0_u8; BLOCK_BYTES]);
    let mut masked = Vec::with_capacity(BLOCK_BYTES);
    let give = |masked: &mut Vec<u8>, outlet: &mut Outlet, sealer: &mut Sealer| {
        for piece in masked.chunks(BLOCK_BYTES) {
            outlet.send(sealer.push(piece)?)?;
        }
        masked.clear();
        Ok::<(), PipelineError>(())
    };
    loop {
        let count = source.read(&mut block).map_err(io)?;
        let Some(bytes) = block.get(..count).filter(|bytes| !bytes.is_empty()) else { break };
        masker.push(bytes, &mut masked)?;
        if masked.len() >= BLOCK_BYTES / 2 {
            give(&mut masked, outlet, &mut sealer)?;
        }
    }
    let mut certificate = masker.finish(&mut masked)?;
    certificate.decoded_from = analysed
        .decoded_from
        .as_ref()
        .map(|original| format!("{} in {}", original.codec, original.container));
    certificate.cut = analysed.ending;
    give(&mut masked, outlet, &mut sealer)?;
    let (tail, summary) = sealer.finish()?;
    outlet.send(tail)?;
    Ok((certificate, summary))
}
