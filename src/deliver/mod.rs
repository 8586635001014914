//! Runs the delivery table: one try at a time, each written down, until the other side has it.
//!
//! A delivery is a row before it is a request. A [`Courier`] serves the rows of one kind of
//! receiver, so that one that is slow does not hold up the others.

mod mail;
mod rws;
mod webhook;

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use tokio::sync::{Notify, watch};

pub use mail::{ArchiveUrl, MailReceiver};
pub use rws::RwsReceiver;
pub use webhook::{WebhookReceiver, WebhookTarget};

pub use crate::catalog::RWS;

use crate::asset::Clock;
use crate::catalog::{Catalog, CatalogError, Delivery, DeliveryState, DeliveryTry, NextTry};

/// A lease outlives the longest request by this much.
const LEASE_SLACK: SignedDuration = SignedDuration::from_secs(60);
/// How often the table is looked at when nobody rings.
const POLL: Duration = Duration::from_millis(500);

/// Who is served.
pub enum Receiver {
    /// RWS, with insertion records.
    Rws(Box<RwsReceiver>),
    /// Webhooks.
    Webhooks(WebhookReceiver),
    /// Mailboxes, through the relay.
    Mail(Box<MailReceiver>),
}

impl Receiver {
    /// Its targets, as a pattern of SQL's LIKE.
    const fn targets(&self) -> &'static str {
        match self {
            Self::Rws(_) => RWS,
            Self::Webhooks(_) => "webhook:%",
            Self::Mail(_) => "mail:%",
        }
    }

    async fn attempt(&self, delivery: &Delivery, now: Timestamp) -> Result<Tried, CatalogError> {
        match self {
            Self::Rws(rws) => rws.attempt(delivery).await,
            Self::Webhooks(hooks) => Ok(hooks.attempt(delivery, now).await),
            Self::Mail(mail) => mail.attempt(delivery, now).await,
        }
    }
}

/// How patiently a receiver is served.
#[derive(Debug, Clone, Copy)]
pub struct Patience {
    /// Longest wait for an answer in seconds.
    pub timeout_s: u64,
    /// Wait before the second try in milliseconds; it doubles with each further one.
    pub retry_first_ms: u64,
    /// Longest wait between two tries in seconds.
    pub retry_longest_s: u64,
    /// Tries after which a delivery is given up.
    pub max_attempts: u32,
}

/// Delivers what the catalogue says is owed.
pub struct Courier {
    /// The table.
    pub catalog: Catalog,
    /// To whom.
    pub receiver: Receiver,
    /// How patiently.
    pub patience: Patience,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Whose leases.
    pub node: String,
    /// Rung when a delivery may be due.
    pub bell: Arc<Notify>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("to", &self.receiver.targets()).finish_non_exhaustive()
    }
}

/// The result of one try.
struct Tried {
    outcome: &'static str,
    detail: String,
    next: Next,
}

enum Next {
    Done,
    Dead,
    Again(DeliveryState),
    Now(DeliveryState),
}

impl Courier {
    /// Works until `stop` says true.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let owner = (self.node.as_str(), self.receiver.targets());
        if let Err(error) = self.catalog.recover_deliveries(owner, self.clock.now()).await {
            tracing::error!(error = %error, "deliveries could not be recovered");
        }
        while !*stop.borrow() {
            match self.step().await {
                Ok(true) => continue,
                Ok(false) => {}
                Err(error) => tracing::error!(error = ?error, "the delivery table failed"),
            }
            tokio::select! {
                () = self.bell.notified() => {}
                () = tokio::time::sleep(POLL) => {}
                _ = stop.changed() => {}
            }
        }
    }

    /// Tries the delivery that has been due longest; false when none is due.
    async fn step(&self) -> Result<bool, CatalogError> {
        let now = self.clock.now();
        let seconds = i64::try_from(self.patience.timeout_s).unwrap_or(600).saturating_mul(3);
        let lease = SignedDuration::from_secs(seconds).saturating_add(LEASE_SLACK);
        let until = later(now, lease);
        let owner = (self.node.as_str(), self.receiver.targets());
        let Some(delivery) = self.catalog.lease_delivery(owner, now, until).await? else {
            return Ok(false);
        };
        let tried = self.receiver.attempt(&delivery, now).await?;
        let at = self.clock.now();
        let next = self.next(&delivery, &tried, at);
        let target = delivery.target.clone();
        metrics::counter!(
            "reelgate_deliveries_total", "target" => target, "outcome" => tried.outcome
        )
        .increment(1);
        tracing::info!(
            recording = %delivery.recording_id, to = %delivery.target,
            attempt = delivery.attempts.saturating_add(1), outcome = tried.outcome,
            detail = %tried.detail, "delivery tried"
        );
        let tried = DeliveryTry { at, outcome: tried.outcome.to_owned(), detail: tried.detail };
        self.catalog.record_try(&delivery, &tried, next).await?;
        Ok(true)
    }

    fn next(&self, delivery: &Delivery, tried: &Tried, now: Timestamp) -> NextTry {
        // Since an operator last asked for more.
        let made = delivery.attempts.saturating_sub(delivery.forgiven);
        match tried.next {
            Next::Done => NextTry::None(DeliveryState::Delivered),
            Next::Dead => NextTry::None(DeliveryState::Dead),
            _ if made.saturating_add(1) >= self.patience.max_attempts => {
                NextTry::None(DeliveryState::Dead)
            }
            Next::Now(state) => NextTry::At(state, now),
            Next::Again(state) => {
                let doubling = 1_u64.checked_shl(made.min(32)).unwrap_or(u64::MAX);
                let wait = self.patience.retry_first_ms.saturating_mul(doubling);
                let longest = self.patience.retry_longest_s.saturating_mul(1000);
                let wait = i64::try_from(wait.min(longest)).unwrap_or(i64::MAX);
                NextTry::At(state, later(now, SignedDuration::from_millis(wait)))
            }
        }
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
