//! Opens one asset for listening, whole or in part.

use std::collections::HashMap;
use std::io;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use tokio::sync::mpsc;

use super::{Grant, PlayError};
use crate::asset::{AssetId, Digest, Hasher, Outcome, TenantId};
use crate::catalog::Catalog;
use crate::seal::{EnvelopeHeader, MAX_HEADER_BYTES, PrivateKey, Random, RangeOpener, SealError};
use crate::store::{ByteStream, ObjectKey, Store};

/// First guess of a header's length, in bytes.
const HEADER_GUESS: u64 = 8 * 1024;
/// How long an opened asset is kept: a player asks for many ranges of one file.
const KEPT: Duration = Duration::from_secs(60);
/// Most opened assets kept.
const MAX_KEPT: usize = 256;
/// Verified segments that wait for the listener.
const CHANNEL_CHUNKS: usize = 2;

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
    store: Arc<dyn Store>,
    key: ObjectKey,
    opener: Arc<RangeOpener>,
    segments: Arc<[Digest]>,
}

impl std::fmt::Debug for Playable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Playable").field("key", &self.key).finish_non_exhaustive()
    }
}

impl Player {
    /// Opens what a link names, unless links like it were taken back.
    ///
    /// # Errors
    /// [`PlayError::Revoked`], and as [`Player::open`].
    pub async fn follow(&self, grant: &Grant) -> Result<(TenantId, Playable), PlayError> {
        let asset = grant.target.asset;
        let held = self.catalog.held_asset(asset).await?.ok_or(PlayError::NotReady)?;
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
        let opener = Arc::new(self.opener(&key, &outcome, &segments).await?);
        let store = Arc::clone(&self.store);
        Ok(Playable { outcome: Arc::new(outcome), store, key, opener, segments })
    }

    async fn opener(
        &self,
        key: &ObjectKey,
        outcome: &Outcome,
        segments: &[Digest],
    ) -> Result<RangeOpener, PlayError> {
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
            None => Some(self.header(key, outcome, segments).await?),
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

    async fn header(
        &self,
        key: &ObjectKey,
        outcome: &Outcome,
        segments: &[Digest],
    ) -> Result<EnvelopeHeader, PlayError> {
        let mut length = HEADER_GUESS;
        loop {
            let end = length.min(outcome.stored.bytes);
            let mut stored = Verified::open(self.store.as_ref(), key, 0..end, outcome).await?;
            let mut prefix = Vec::new();
            while let Some(bytes) = stored.next(segments).await? {
                prefix.extend_from_slice(&bytes);
            }
            if let Some(header) = EnvelopeHeader::parse(&prefix)? {
                return Ok(header);
            }
            if end == outcome.stored.bytes || length >= MAX_HEADER_BYTES as u64 {
                return Err(PlayError::Row { detail: "the envelope has no header".to_owned() });
            }
            length = length.saturating_mul(8);
        }
    }
}

/// Stored bytes, given out only after the segment that holds them was verified.
struct Verified {
    stream: ByteStream,
    /// Stored bytes wanted.
    wanted: Range<u64>,
    /// Where the next byte of the stream lies in the object.
    position: u64,
    segment_bytes: u64,
    rest: Bytes,
}

impl Verified {
    async fn open(
        store: &dyn Store,
        key: &ObjectKey,
        wanted: Range<u64>,
        outcome: &Outcome,
    ) -> Result<Self, PlayError> {
        let size = outcome.stored.segment_bytes.max(1);
        let first = wanted.start.checked_div(size).unwrap_or(0).saturating_mul(size);
        let last = wanted.end.div_ceil(size).saturating_mul(size).min(outcome.stored.bytes);
        let stream = store.read(key, Some(first..last)).await?;
        Ok(Self { stream, wanted, position: first, segment_bytes: size, rest: Bytes::new() })
    }

    /// The next wanted bytes, at most a segment; `None` at the end.
    async fn next(&mut self, segments: &[Digest]) -> Result<Option<Bytes>, PlayError> {
        while self.position < self.wanted.end {
            let number = self.position.checked_div(self.segment_bytes).unwrap_or(0);
            let start = self.position;
            let segment = self.read_segment().await?;
            let expected = usize::try_from(number).ok().and_then(|at| segments.get(at));
            if expected != Some(&Digest::of(&segment)) {
                return Err(PlayError::Tampered { segment: number });
            }
            let end = start.saturating_add(segment.len() as u64);
            self.position = end;
            let from = self.wanted.start.clamp(start, end).saturating_sub(start);
            let to = self.wanted.end.clamp(start, end).saturating_sub(start);
            let (Ok(from), Ok(to)) = (usize::try_from(from), usize::try_from(to)) else {
                return Err(PlayError::Tampered { segment: number });
            };
            if segment.is_empty() {
                return Err(PlayError::Tampered { segment: number });
            }
            if from < to {
                return Ok(Some(segment.slice(from..to)));
            }
        }
        Ok(None)
    }

    async fn read_segment(&mut self) -> Result<Bytes, PlayError> {
        let size = usize::try_from(self.segment_bytes).unwrap_or(usize::MAX);
        let mut segment = Vec::new();
        while segment.len() < size {
            if self.rest.is_empty() {
                match self.stream.next().await {
                    Some(chunk) => self.rest = chunk?,
                    None => break,
                }
            }
            let count = size.saturating_sub(segment.len()).min(self.rest.len());
            segment.extend_from_slice(&self.rest.split_to(count));
        }
        Ok(segment.into())
    }
}

impl Playable {
    /// The bytes `[from, to)` of what a listener gets. Nothing is given out before it is verified.
    pub fn bytes(&self, from: u64, to: u64) -> BoxStream<'static, io::Result<Bytes>> {
        if from >= to {
            return futures_util::stream::empty().boxed();
        }
        let (sender, receiver) = mpsc::channel(CHANNEL_CHUNKS);
        let (store, key) = (Arc::clone(&self.store), self.key.clone());
        let (opener, outcome) = (Arc::clone(&self.opener), Arc::clone(&self.outcome));
        let segments = Arc::clone(&self.segments);
        tokio::spawn(async move {
            let work = async {
                let wanted = opener.stored_range(from, to);
                let mut stored = Verified::open(store.as_ref(), &key, wanted, &outcome).await?;
                let mut stream = opener.stream(from, to);
                while let Some(bytes) = stored.next(&segments).await? {
                    let mut clear = Vec::with_capacity(bytes.len());
                    stream.push(&bytes, &mut clear)?;
                    if !clear.is_empty() && sender.send(Ok(Bytes::from(clear))).await.is_err() {
                        return Ok(());
                    }
                }
                Ok::<(), PlayError>(stream.finish()?)
            };
            if let Err(error) = work.await {
                tracing::error!(object = %key, error = ?error, "an asset could not be played");
                // The listener may be gone.
                let _ = sender.send(Err(io::Error::other("the asset could not be read"))).await;
            }
        });
        futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|item| (item, receiver))
        })
        .boxed()
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
