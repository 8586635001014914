//! Who heard what: the bytes that each link gave out, as rows of the audit trail.
//!
//! A player asks for one file in hundreds of ranges. They are gathered in memory and written as one
//! row when the listener has been quiet for a while, at the latest after a minute, and when the
//! gateway stops. A crash loses at most that minute of what was heard; who got the link was written
//! before they had it.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use serde_json::json;
use tokio::sync::watch;

use crate::asset::{AssetId, Clock, TenantId};
use crate::catalog::{AuditEntry, Catalog, CatalogError};

/// How often quiet listeners are looked for.
const LOOK: Duration = Duration::from_secs(2);
/// After how long without a byte a listener is quiet.
const QUIET: SignedDuration = SignedDuration::from_secs(10);
/// How long a row waits at most.
const LONGEST: SignedDuration = SignedDuration::from_secs(60);
/// Most stretches of one file that are told apart; beyond, the nearest are joined.
const MAX_STRETCHES: usize = 32;
/// Most listeners gathered; beyond, a row is written for each request.
const MAX_LISTENERS: usize = 10_000;

/// What is given out, to whom.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Heard {
    /// Whose asset.
    pub tenant: TenantId,
    /// The asset or rendition.
    pub asset: AssetId,
    /// The tag of the link.
    pub link: String,
    /// From where it was asked for.
    pub address: IpAddr,
    /// The length of the whole file in bytes.
    pub of_bytes: u64,
    /// Its playing time in milliseconds.
    pub of_ms: u64,
}

/// What one listener got so far.
#[derive(Debug, Clone)]
struct Session {
    begun: Timestamp,
    last: Timestamp,
    requests: u64,
    bytes: u64,
    /// Stretches `[from, to)` in bytes, sorted, apart from each other.
    stretches: Vec<(u64, u64)>,
}

/// The listeners of this process.
#[derive(Clone)]
pub struct Listening {
    catalog: Catalog,
    clock: Arc<dyn Clock>,
    open: Arc<Mutex<HashMap<Heard, Session>>>,
}

impl std::fmt::Debug for Listening {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listening")
    }
}

/// Notes what was given out when the answer ends, however it ends.
struct Meter {
    listening: Listening,
    heard: Heard,
    from: u64,
    given: u64,
}

impl Meter {
    fn count(&mut self, chunk: &io::Result<Bytes>) {
        let length = chunk.as_ref().map_or(0, |chunk| chunk.len() as u64);
        self.given = self.given.saturating_add(length);
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.listening.note(&self.heard, self.from, self.given);
    }
}

impl Listening {
    /// None yet.
    pub fn new(catalog: Catalog, clock: Arc<dyn Clock>) -> Self {
        Self { catalog, clock, open: Arc::default() }
    }

    /// Counts what goes out of `bytes`, which begin at byte `from` of the file.
    pub fn metered(
        &self,
        heard: Heard,
        from: u64,
        bytes: BoxStream<'static, io::Result<Bytes>>,
    ) -> BoxStream<'static, io::Result<Bytes>> {
        let mut meter = Meter { listening: self.clone(), heard, from, given: 0 };
        let count = move |chunk: io::Result<Bytes>| {
            meter.count(&chunk);
            chunk
        };
        bytes.map(count).boxed()
    }

    fn note(&self, heard: &Heard, from: u64, given: u64) {
        if given == 0 {
            return;
        }
        let now = self.clock.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let new = Session { begun: now, last: now, requests: 0, bytes: 0, stretches: Vec::new() };
        let session = open.entry(heard.clone()).or_insert(new);
        session.last = now;
        session.requests = session.requests.saturating_add(1);
        session.bytes = session.bytes.saturating_add(given);
        add_stretch(&mut session.stretches, (from, from.saturating_add(given)));
    }

    /// Writes rows until `stop` says true, and then the last ones.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        while !*stop.borrow() {
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                _ = stop.changed() => {}
            }
            self.write(false).await;
        }
    }

    /// Writes what waits: of the quiet ones, or of all.
    pub async fn write(&self, all: bool) {
        for (heard, session) in self.due(all) {
            if let Err(error) = self.row(&heard, &session).await {
                tracing::error!(error = ?error, "what was heard could not be written");
                let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
                open.entry(heard).or_insert(session);
            }
        }
    }

    fn due(&self, all: bool) -> Vec<(Heard, Session)> {
        let now = self.clock.now();
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let all = all || open.len() > MAX_LISTENERS;
        let due = |session: &Session| {
            all || now.duration_since(session.last) >= QUIET
                || now.duration_since(session.begun) >= LONGEST
        };
        let found: Vec<Heard> = open
            .iter()
            .filter(|(_, session)| due(session))
            .map(|(heard, _)| heard.clone())
            .collect();
        found.into_iter().filter_map(|heard| open.remove_entry(&heard)).collect()
    }

    async fn row(&self, heard: &Heard, session: &Session) -> Result<(), CatalogError> {
        // A place in the file is told as a time as if all its bytes played equally long.
        #[expect(clippy::cast_precision_loss, reason = "a file has less than 2^53 bytes and ms")]
        let second = |byte: u64| {
            let part = byte as f64 / heard.of_bytes.max(1) as f64;
            (part * heard.of_ms as f64).round() / 1000.0
        };
        let seconds: Vec<_> = session
            .stretches
            .iter()
            .map(|(from, to)| json!([second(*from), second(*to)]))
            .collect();
        let detail = json!({
            "link": heard.link, "address": heard.address, "requests": session.requests,
            "bytes": session.bytes, "ofBytes": heard.of_bytes, "stretches": session.stretches,
            "seconds": seconds, "from": session.begun, "to": session.last,
        });
        let subject = heard.asset.to_string();
        let entry = AuditEntry {
            tenant: &heard.tenant,
            actor: "link",
            action: "play.deliver",
            subject: &subject,
            detail,
            now: self.clock.now(),
        };
        self.catalog.audit(&entry).await
    }
}

/// Adds a stretch, joining what overlaps or touches.
fn add_stretch(stretches: &mut Vec<(u64, u64)>, new: (u64, u64)) {
    stretches.push(new);
    stretches.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::with_capacity(stretches.len());
    for (from, to) in stretches.drain(..) {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(to),
            _ => joined.push((from, to)),
        }
    }
    while joined.len() > MAX_STRETCHES {
        let gap = |pair: &[(u64, u64)]| match pair {
            [before, after] => after.0.saturating_sub(before.1),
            _ => u64::MAX,
        };
        let nearest = joined.windows(2).enumerate().min_by_key(|(_, pair)| gap(pair));
        let Some(at) = nearest.map(|(at, _)| at) else { break };
        let (_, to) = joined.remove(at.saturating_add(1));
        if let Some(first) = joined.get_mut(at) {
            first.1 = to;
        }
    }
    *stretches = joined;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_are_joined_and_stay_few() {
        let mut stretches = Vec::new();
        for new in [(0, 10), (20, 30), (10, 15), (5, 12)] {
            add_stretch(&mut stretches, new);
        }
        assert_eq!(stretches, [(0, 15), (20, 30)]);
        for at in 1..200_u64 {
            add_stretch(&mut stretches, (at * 100, at * 100 + 10 + at % 7));
        }
        assert_eq!(stretches.len(), MAX_STRETCHES);
        assert!(stretches.windows(2).all(|pair| pair[0].1 < pair[1].0));
        assert_eq!(stretches.last().unwrap().1, 19_913);
    }
}
