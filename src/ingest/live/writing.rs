//! Who writes which live upload.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::watch;

use crate::asset::AssetId;

/// What a writer is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    GoOn,
    /// The interaction ended.
    Ended,
    /// Somebody else goes on.
    GiveWay,
}

/// An upload that some request of this process writes.
#[derive(Debug)]
pub(super) struct Writing {
    pub(super) durable: AtomicU64,
    pub(super) told: watch::Sender<Told>,
    begun: Instant,
    /// When the last bytes came, in milliseconds after `begun`.
    heard_ms: AtomicU64,
}

impl Writing {
    pub(super) fn heard(&self) {
        let now = u64::try_from(self.begun.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.heard_ms.store(now, Ordering::Relaxed);
    }

    pub(super) fn silent_for(&self) -> Duration {
        let heard = Duration::from_millis(self.heard_ms.load(Ordering::Relaxed));
        self.begun.elapsed().saturating_sub(heard)
    }
}

/// The live uploads that are being written. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct LiveUploads(Arc<Mutex<HashMap<AssetId, Arc<Writing>>>>);

/// The right to write one of them. Dropped, another may.
#[derive(Debug)]
pub(super) struct Hold {
    uploads: LiveUploads,
    asset: AssetId,
    pub(super) writing: Arc<Writing>,
}

impl LiveUploads {
    fn map(&self) -> std::sync::MutexGuard<'_, HashMap<AssetId, Arc<Writing>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn writing(&self, asset: AssetId) -> Option<Arc<Writing>> {
        self.map().get(&asset).cloned()
    }

    pub(super) fn hold(&self, asset: AssetId) -> Option<Hold> {
        let mut map = self.map();
        if map.contains_key(&asset) {
            return None;
        }
        let writing = Arc::new(Writing {
            durable: AtomicU64::new(0),
            told: watch::Sender::new(Told::GoOn),
            begun: Instant::now(),
            heard_ms: AtomicU64::new(0),
        });
        map.insert(asset, Arc::clone(&writing));
        Some(Hold { uploads: self.clone(), asset, writing })
    }

    /// Tells the writer of an upload that its interaction ended; false when nobody writes it.
    pub(in crate::ingest) fn end(&self, asset: AssetId) -> bool {
        let Some(writing) = self.writing(asset) else { return false };
        writing.told.send_if_modified(|told| {
            let first = *told == Told::GoOn;
            if first {
                *told = Told::Ended;
            }
            first
        });
        true
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        self.uploads.map().remove(&self.asset);
    }
}
