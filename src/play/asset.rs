//! Opens one asset for listening, whole or in part.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;

use super::stored::{Reading, Stored};
use super::{Grant, PlayError, Questions, Shelf};
use crate::asset::{AssetId, Digest, Hasher, Outcome, TenantId};
use crate::catalog::Catalog;
use crate::seal::{
    EnvelopeHeader, MAX_HEADER_BYTES, PrivateKey, Random, RangeOpener, RangeStream, SealError,
};
use crate::store::{ObjectKey, Store};

/// First guess of a header's length, in bytes.
const HEADER_GUESS: u64 = 8 * 1024;
/// How long an opened asset is kept: a player asks for many ranges of one file.
const KEPT: Duration = Duration::from_secs(60);
/// Most opened assets kept.
const MAX_KEPT: usize = 256;
/// How much is opened at a time, in bytes: so long no other listener is served by the thread, some
/// 20 microseconds, and so much clear sound of each listener is in memory.
const PIECE_BYTES: usize = 64 * 1024;

/// The gateway's own private key.
pub type PlayKey = Arc<PrivateKey>;

/// Opens assets.
#[derive(Clone)]
pub struct Player {
    /// Rows.
    pub catalog: Catalog,
    /// Objects.
    pub store: Arc<dyn Store>,
    /// The playback key, if this gateway has one.
    pub key: Option<PlayKey>,
    /// Randomness, for envelopes whose padding must not be an oracle.
    pub random: Arc<dyn Random>,
    /// Assets opened lately.
    pub kept: Kept,
    /// Segments verified lately.
    pub shelf: Shelf,
    /// What the catalogue is asked.
    pub questions: Questions,
}

impl std::fmt::Debug for Player {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Player")
    }
}

/// Assets opened lately, each with the time at which it was.
#[derive(Clone, Default)]
pub struct Kept(Arc<Mutex<HashMap<AssetId, (Instant, Playable)>>>);

impl Kept {
    fn find(&self, asset: AssetId) -> Option<Playable> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|_, (at, _)| at.elapsed() < KEPT);
        kept.get(&asset).map(|(_, playable)| playable.clone())
    }

    fn put(&self, asset: AssetId, playable: &Playable) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() < MAX_KEPT {
            kept.insert(asset, (Instant::now(), playable.clone()));
        }
    }
}

/// An asset that can be listened to. Cheap to clone.
#[derive(Clone)]
pub struct Playable {
    /// What is known of it.
    pub outcome: Arc<Outcome>,
    stored: Stored,
    opener: Arc<RangeOpener>,
}

impl std::fmt::Debug for Playable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playable").field("key", &self.stored.key).finish_non_exhaustive()
    }
}

impl Player {
    /// Opens what a link names, unless links like it were taken back.
    ///
    /// # Errors
    /// [`PlayError::Revoked`], and as [`Player::open`].
    pub async fn follow(&self, grant: &Grant) -> Result<(TenantId, Playable), PlayError> {
        let asset = grant.target.asset;
        let held = self.questions.ask(&self.catalog, asset).await?.ok_or(PlayError::NotReady)?;
        // A link knows its second only: one of the same second is taken back too.
        if held.revoked_before.is_some_and(|before| grant.issued <= before) {
            return Err(PlayError::Revoked);
        }
        if !held.ready {
            return Err(PlayError::NotReady);
        }
        Ok((held.tenant, self.open(asset).await?))
    }

    /// Finds an asset or rendition that is ready, and opens its envelope.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn open(&self, asset: AssetId) -> Result<Playable, PlayError> {
        if let Some(playable) = self.kept.find(asset) {
            return Ok(playable);
        }
        let stored = self.catalog.stored_asset(asset).await?.ok_or(PlayError::NotReady)?;
        let playable = self.open_stored(&stored.outcome, &stored.segments).await?;
        self.kept.put(asset, &playable);
        Ok(playable)
    }

    /// The same for whoever reads an asset once from its beginning to its end: nothing is kept.
    ///
    /// # Errors
    /// [`PlayError`].
    pub async fn open_once(&self, asset: AssetId) -> Result<Playable, PlayError> {
        let stored = self.catalog.stored_asset(asset).await?.ok_or(PlayError::NotReady)?;
        Ok(self.open_stored(&stored.outcome, &stored.segments).await?.unshelved())
    }

    /// Opens what these columns of its row describe.
    pub(super) async fn open_stored(
        &self,
        outcome: &str,
        segments: &str,
    ) -> Result<Playable, PlayError> {
        let bad = |detail: &str| PlayError::Row { detail: detail.to_owned() };
        let outcome: Outcome =
            serde_json::from_str(outcome).map_err(|_| bad("the outcome is not readable"))?;
        let segments: Option<Arc<[Digest]>> =
            segments.split(' ').map(|digits| Digest::parse(digits).ok()).collect();
        let segments = segments.ok_or_else(|| bad("the segments are not readable"))?;
        let key = ObjectKey::parse(&outcome.stored.key).map_err(|_| bad("the object key"))?;
        let (store, shelf) = (Arc::clone(&self.store), self.shelf.clone());
        let stored = Stored::new(store, key, &outcome.stored, segments, shelf);
        let opener = Arc::new(self.opener(&stored, &outcome).await?);
        Ok(Playable { outcome: Arc::new(outcome), stored, opener })
    }

    async fn opener(&self, stored: &Stored, outcome: &Outcome) -> Result<RangeOpener, PlayError> {
        if outcome.seal.mode == "none" {
            return Ok(RangeOpener::clear(outcome.bytes));
        }
        let private = self.key.as_ref().filter(|_| outcome.seal.playback);
        let private = Arc::clone(private.ok_or(PlayError::NoKey)?);
        let random = Arc::clone(&self.random);
        let bytes = outcome.bytes;
        let envelope = outcome.seal.playback_envelope.clone();
        let header = match &envelope {
            Some(_) => None,
            None => Some(header(stored, outcome.stored.bytes).await?),
        };
        // RSA takes milliseconds: off the request's thread.
        let work = tokio::task::spawn_blocking(move || match (envelope, header) {
            (Some(envelope), _) => {
                RangeOpener::detached(&envelope, &private, bytes, random.as_ref())
            }
            (None, Some(header)) => {
                RangeOpener::attached(&header, &private, bytes, random.as_ref())
            }
            (None, None) => Err(SealError::NoRecipient),
        });
        let opened = work.await.map_err(|_| PlayError::NoKey)?;
        Ok(opened?)
    }
}

async fn header(stored: &Stored, bytes: u64) -> Result<EnvelopeHeader, PlayError> {
    let mut length = HEADER_GUESS;
    loop {
        let end = length.min(bytes);
        let mut reading = stored.read(0..end);
        let mut prefix = Vec::new();
        while let Some(bytes) = reading.next().await? {
            prefix.extend_from_slice(&bytes);
        }
        if let Some(header) = EnvelopeHeader::parse(&prefix)? {
            return Ok(header);
        }
        if end == bytes || length >= MAX_HEADER_BYTES as u64 {
            return Err(PlayError::Row { detail: "the envelope has no header".to_owned() });
        }
        length = length.saturating_mul(8);
    }
}

/// An asset on its way to a listener.
struct Playing {
    reading: Reading,
    opening: RangeStream,
    /// Verified, and not opened yet.
    verified: Bytes,
    key: ObjectKey,
    over: bool,
}

impl Playing {
    /// The next clear bytes; `None` at the end, and after a failure.
    async fn next(&mut self) -> Option<io::Result<Bytes>> {
        if self.over {
            return None;
        }
        match self.piece().await {
            Ok(Some(clear)) => Some(Ok(clear)),
            Ok(None) => {
                self.over = true;
                None
            }
            Err(error) => {
                self.over = true;
                tracing::error!(object = %self.key, error = ?error, "an asset could not be played");
                Some(Err(io::Error::other("the asset could not be read")))
            }
        }
    }

    async fn piece(&mut self) -> Result<Option<Bytes>, PlayError> {
        loop {
            if self.verified.is_empty() {
                match self.reading.next().await? {
                    Some(bytes) => self.verified = bytes,
                    None => {
                        self.opening.finish()?;
                        return Ok(None);
                    }
                }
            }
            let count = self.verified.len().min(PIECE_BYTES);
            let clear = self.opening.open(self.verified.split_to(count))?;
            if !clear.is_empty() {
                return Ok(Some(clear));
            }
        }
    }
}

impl Playable {
    /// The bytes `[from, to)` of what a listener gets. Nothing is given out before it is verified.
    pub fn bytes(&self, from: u64, to: u64) -> BoxStream<'static, io::Result<Bytes>> {
        if from >= to {
            return futures_util::stream::empty().boxed();
        }
        let playing = Playing {
            reading: self.stored.read(self.opener.stored_range(from, to)),
            opening: self.opener.stream(from, to),
            verified: Bytes::new(),
            key: self.stored.key.clone(),
            over: false,
        };
        futures_util::stream::unfold(playing, |mut playing| async {
            playing.next().await.map(|item| (item, playing))
        })
        .boxed()
    }

    /// The same, read past the shelf: for whoever reads every byte once. What is larger than the shelf
    /// finds nothing there, and would push off what players come back to.
    pub fn unshelved(mut self) -> Self {
        self.stored.shelf = Shelf::new(0);
        self
    }

    /// SHA-256 over everything a listener gets; reads the whole object.
    ///
    /// # Errors
    /// When the object cannot be read or is not what was stored.
    pub async fn digest(&self) -> io::Result<Digest> {
        let mut hasher = Hasher::default();
        let mut bytes = self.bytes(0, self.outcome.bytes);
        while let Some(chunk) = bytes.next().await {
            hasher.update(&chunk?);
        }
        Ok(hasher.finish())
    }
}
