//! Whether an asset may still be played, asked once for all who wait for the same answer.
//!
//! The catalogue is asked for every request: a link that was taken back, on whichever node, is refused
//! from then on. Listeners of one asset who ask while a question is under way share the next one. They
//! never share one that was begun before they asked: its answer could be older than a revocation that
//! they have seen acknowledged.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex as Lock, PoisonError};

use tokio::sync::Mutex;

use crate::asset::AssetId;
use crate::catalog::{Catalog, CatalogError, HeldAsset};

/// The questions of this process. Cheap to clone.
#[derive(Clone, Default)]
pub struct Questions(Arc<Lock<HashMap<AssetId, Arc<Question>>>>);

/// The question about one asset.
#[derive(Default)]
struct Question {
    /// How often it was begun.
    begun: AtomicU64,
    /// Held while the catalogue is asked.
    last: Mutex<Last>,
}

/// How a question ended.
#[derive(Default)]
struct Last {
    /// Its number, from 1.
    number: u64,
    /// `None` when the catalogue failed: an error is nobody else's.
    answer: Option<Option<HeldAsset>>,
}

/// Forgets a question that nobody waits for any more.
struct Waiting<'q> {
    questions: &'q Questions,
    asset: AssetId,
    question: Arc<Question>,
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut all = self.questions.0.lock().unwrap_or_else(PoisonError::into_inner);
        // The map's and ours; clones are made under the lock of the map only.
        if Arc::strong_count(&self.question) <= 2
            && let Entry::Occupied(entry) = all.entry(self.asset)
        {
            entry.remove();
        }
    }
}

impl Questions {
    /// What the catalogue says of `asset`, now or later.
    ///
    /// # Errors
    /// [`CatalogError`].
    pub(super) async fn ask(
        &self,
        catalog: &Catalog,
        asset: AssetId,
    ) -> Result<Option<HeldAsset>, CatalogError> {
        let waiting = self.wait(asset);
        let question = &waiting.question;
        let before = question.begun.load(Ordering::SeqCst);
        let mut last = question.last.lock().await;
        if last.number > before {
            if let Some(answer) = &last.answer {
                return Ok(answer.clone());
            }
            // Those who wait behind a catalogue that is away must not wait one after the other.
            drop(last);
            return catalog.held_asset(asset).await;
        }
        let number = question.begun.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        let answer = catalog.held_asset(asset).await;
        *last = Last { number, answer: answer.as_ref().ok().cloned() };
        answer
    }

    fn wait(&self, asset: AssetId) -> Waiting<'_> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let question = Arc::clone(all.entry(asset).or_default());
        Waiting { questions: self, asset, question }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test]
    async fn many_share_a_question_and_nothing_is_left_of_it() {
        let folder = tempfile::tempdir().unwrap();
        let url = Catalog::sqlite_url(&folder.path().join("catalog.sqlite"));
        let catalog = Catalog::open(&url).await.unwrap();
        let (questions, asset) = (Questions::default(), AssetId::generate());
        let kept = questions.wait(asset);
        let answers = join_all((0..50).map(|_| questions.ask(&catalog, asset))).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap().is_none()));
        let begun = kept.question.begun.load(Ordering::SeqCst);
        assert!((1..=25).contains(&begun), "{begun} questions for 50 who asked at once");
        drop(kept);
        assert!(questions.0.lock().unwrap().is_empty());
        catalog.close().await;
    }
}
