//! Puts files that the gateway makes itself into the store: sealed by policy, digested, verified.
//! No clear byte is ever on a disk.

use std::io;
use std::sync::Arc;

use crate::asset::{Digest, Hasher, SealFacts, StoredObject};
use crate::seal::{SealError, SealMode, SealPolicy, SealSummary, Sealer};
use crate::store::{
    Content, IfExists, KeyError, ObjectKey, Outlet, Part, SEGMENT_BYTES, Store, StoreError,
};

/// Sealed chunks that wait for the store.
const CHANNEL_CHUNKS: usize = 2;
/// How much is sealed at a time, at most.
const BLOCK_BYTES: usize = 256 * 1024;

/// Takes the bytes of a file in order.
pub type Sink<'s> = dyn FnMut(&[u8]) -> io::Result<()> + 's;

/// Seals and stores. Cheap to clone.
#[derive(Clone)]
pub struct Vault {
    /// Where.
    pub store: Arc<dyn Store>,
    /// How.
    pub seal: Arc<SealPolicy>,
}

impl std::fmt::Debug for Vault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Vault")
    }
}

/// A file that is in the store.
#[derive(Debug, Clone)]
pub struct Vaulted {
    /// SHA-256 of the clear bytes.
    pub sha256: Digest,
    /// The object.
    pub stored: StoredObject,
    /// How it is sealed.
    pub seal: SealFacts,
    /// Digests of the object's segments.
    pub segments: Vec<Digest>,
}

/// Why a file is not in the store.
#[derive(Debug, thiserror::Error)]
pub enum VaultError<E> {
    /// It could not be made.
    #[error("it cannot be made")]
    Made(E),
    /// It could not be sealed.
    #[error("it cannot be sealed")]
    Seal(#[from] SealError),
    /// The store did not take it.
    #[error("the store failed")]
    Store(#[from] StoreError),
    /// It has no name in the store.
    #[error("it has no name in the store")]
    Key(#[from] KeyError),
    /// The thread that made it is gone.
    #[error("the worker thread failed")]
    Thread,
}

/// What a pass over the file gave.
struct Written {
    sha256: Digest,
    summary: SealSummary,
    segments: Vec<Digest>,
}

impl Vault {
    /// What the names of its objects end with.
    pub fn suffix(&self) -> &'static str {
        match self.seal.mode {
            SealMode::None => "",
            SealMode::Cms => ".p7m",
            SealMode::Gir => ".bin",
        }
    }

    /// Seals and stores what `make`, on a thread that may block, gives to its sink: exactly `bytes`
    /// bytes. An object of this name is replaced. A failure leaves nothing.
    ///
    /// # Errors
    /// [`VaultError`].
    pub async fn keep<E: Send + 'static>(
        &self,
        key: ObjectKey,
        attempt: &str,
        bytes: u64,
        make: impl FnOnce(&mut Sink<'_>) -> Result<(), E> + Send + 'static,
    ) -> Result<Vaulted, VaultError<E>> {
        let sealer = self.seal.sealer(bytes)?;
        let length = sealer.sealed_len();
        let part = Part::new(key, attempt)?;
        let (outlet, body) = Outlet::channel(CHANNEL_CHUNKS);
        let pass = tokio::task::spawn_blocking(move || write(make, sealer, outlet));
        let staged = self.store.stage(&part, length, body).await;
        let written = pass.await.map_err(|_| VaultError::Thread)?;
        let (staged, written) = match (staged, written) {
            (Ok(staged), Ok(written)) => (staged, written),
            (staged, written) => {
                let _ = self.store.abort(&part).await;
                // A broken channel is only the echo of the other side's failure.
                return Err(match (staged, written) {
                    (Err(StoreError::Body { .. }), Err(cause)) => cause,
                    (Err(error), _) => error.into(),
                    (_, Err(cause)) => cause,
                    (Ok(_), Ok(_)) => VaultError::Thread,
                });
            }
        };
        self.store.commit(&staged, IfExists::Replace).await?;
        let Written { sha256, summary, segments } = written;
        let stored = self.stored(&part, staged.content);
        Ok(Vaulted { sha256, stored, seal: self.facts(&summary), segments })
    }

    fn stored(&self, part: &Part, content: Content) -> StoredObject {
        StoredObject {
            key: part.key().as_str().to_owned(),
            url: self.store.url(part.key()),
            bytes: content.len,
            sha256: content.digest,
            segment_bytes: SEGMENT_BYTES,
            attempt: part.attempt().to_owned(),
        }
    }

    fn facts(&self, summary: &SealSummary) -> SealFacts {
        SealFacts {
            mode: summary.mode.to_string(),
            cipher: summary.cipher.map(|cipher| cipher.to_string()),
            pkcs7: summary.pkcs7.clone(),
            cert_alias: Vec::new(),
            playback_envelope: summary.playback_envelope.clone(),
            playback: summary.mode == SealMode::None || self.seal.playback.is_some(),
        }
    }
}

/// Bytes, digests, seal.
fn write<E>(
    make: impl FnOnce(&mut Sink<'_>) -> Result<(), E>,
    mut sealer: Sealer,
    mut outlet: Outlet,
) -> Result<Written, VaultError<E>> {
    let mut hasher = Hasher::default();
    let sink = &mut |bytes: &[u8]| {
        hasher.update(bytes);
        for piece in bytes.chunks(BLOCK_BYTES) {
            let sealed = sealer.push(piece).map_err(io::Error::other)?;
            outlet.send(sealed).map_err(io::Error::other)?;
        }
        Ok(())
    };
    if let Err(error) = make(sink) {
        outlet.fail("the file could not be made");
        return Err(VaultError::Made(error));
    }
    let (tail, summary) = sealer.finish()?;
    outlet.send(tail).map_err(|_| VaultError::Thread)?;
    Ok(Written { sha256: hasher.finish(), summary, segments: outlet.finish() })
}
