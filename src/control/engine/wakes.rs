//! Who waits for what in this process. A wake is only a hint: whoever waits reads the catalogue,
//! and looks again by himself, since another node may have changed it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::Notify;

/// Most names kept before those that nobody waits for are dropped.
const SWEEP_AT: usize = 4096;

/// Bells by name.
#[derive(Debug, Default)]
pub(super) struct Wakes(Mutex<HashMap<String, Weak<Notify>>>);

impl Wakes {
    /// The bell of this name, for as long as it is held.
    pub(super) fn bell(&self, name: &str) -> Arc<Notify> {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(bell) = bells.get(name).and_then(Weak::upgrade) {
            return bell;
        }
        if bells.len() >= SWEEP_AT {
            bells.retain(|_, bell| bell.strong_count() > 0);
        }
        let bell = Arc::new(Notify::new());
        bells.insert(name.to_owned(), Arc::downgrade(&bell));
        bell
    }

    /// Rings it, if somebody waits.
    pub(super) fn ring(&self, name: &str) {
        let mut bells = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match bells.get(name).map(Weak::upgrade) {
            Some(Some(bell)) => bell.notify_waiters(),
            Some(None) => {
                bells.remove(name);
            }
            None => {}
        }
    }
}
