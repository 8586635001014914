//! Runs the delivery table: one try at a time, each written down, until the other side has it.
//!
//! A delivery is a row before it is a request. Its body is fixed before the first request, so every
//! repetition says the same. After doubt (a request sent, no answer) the record is read back before
//! anything is sent again (R24).

use std::sync::Arc;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tokio::sync::{Notify, watch};

use crate::asset::{Clock, Outcome};
use crate::catalog::{
    Catalog, Delivery, DeliveryState, DeliveryTry, MediaRow, MediaState, NextTry,
};
use crate::gir::{Found, GirSettings, RecordParts, RwsClient, Submitted, build};

/// The target that insertion records go to.
pub const RWS: &str = "rws";
/// A lease outlives the longest request by this much.
const LEASE_SLACK: SignedDuration = SignedDuration::from_secs(60);
/// How often the table is looked at when nobody rings.
const POLL: Duration = Duration::from_millis(500);

/// Delivers what the catalogue says is owed.
pub struct Courier {
    /// The table.
    pub catalog: Catalog,
    /// To whom.
    pub rws: RwsClient,
    /// `[gir]`.
    pub settings: GirSettings,
    /// Zone of dates without one.
    pub zone: Option<TimeZone>,
    /// Now.
    pub clock: Arc<dyn Clock>,
    /// Whose leases.
    pub node: String,
    /// Rung when a delivery may be due.
    pub bell: Arc<Notify>,
}

impl std::fmt::Debug for Courier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Courier").field("rws", &self.rws).finish_non_exhaustive()
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
        if let Err(error) = self.catalog.recover_deliveries(&self.node, self.clock.now()).await {
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
    async fn step(&self) -> Result<bool, crate::catalog::CatalogError> {
        let now = self.clock.now();
        let seconds = i64::try_from(self.settings.timeout_s).unwrap_or(600).saturating_mul(3);
        let lease = SignedDuration::from_secs(seconds).saturating_add(LEASE_SLACK);
        let until = later(now, lease);
        let Some(delivery) = self.catalog.lease_delivery(&self.node, now, until).await? else {
            return Ok(false);
        };
        let tried = self.attempt(&delivery).await?;
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
        match tried.next {
            Next::Done => NextTry::None(DeliveryState::Delivered),
            Next::Dead => NextTry::None(DeliveryState::Dead),
            _ if delivery.attempts.saturating_add(1) >= self.settings.max_attempts => {
                NextTry::None(DeliveryState::Dead)
            }
            Next::Now(state) => NextTry::At(state, now),
            Next::Again(state) => {
                let doubling = 1_u64.checked_shl(delivery.attempts.min(32)).unwrap_or(u64::MAX);
                let wait = self.settings.retry_first_ms.saturating_mul(doubling);
                let longest = self.settings.retry_longest_s.saturating_mul(1000);
                let wait = i64::try_from(wait.min(longest)).unwrap_or(i64::MAX);
                NextTry::At(state, later(now, SignedDuration::from_millis(wait)))
            }
        }
    }

    async fn attempt(&self, delivery: &Delivery) -> Result<Tried, crate::catalog::CatalogError> {
        let body = match &delivery.body {
            Some(body) => body.clone(),
            None => match self.body(delivery).await? {
                Ok(body) => body,
                Err(detail) => return Ok(Tried { outcome: "refused", detail, next: Next::Dead }),
            },
        };
        if delivery.state == DeliveryState::Doubtful
            && let Some(tried) = self.settle_doubt(delivery, &body).await
        {
            return Ok(tried);
        }
        let again = |outcome, detail, state| Tried { outcome, detail, next: Next::Again(state) };
        Ok(match self.rws.insert(&body).await {
            Submitted::Inserted => {
                Tried { outcome: "delivered", detail: "statusCode 0".to_owned(), next: Next::Done }
            }
            // The next try reads back and compares (R23).
            Submitted::Exists => Tried {
                outcome: "exists",
                detail: "statusCode 18".to_owned(),
                next: Next::Now(DeliveryState::Doubtful),
            },
            Submitted::Session(detail) => self.renew(delivery, detail).await?,
            Submitted::Retry(detail) => again("retry", detail, DeliveryState::Pending),
            Submitted::Doubtful(detail) => again("doubtful", detail, DeliveryState::Doubtful),
            Submitted::Refused(detail) => Tried { outcome: "refused", detail, next: Next::Dead },
        })
    }

    /// A refused session is renewed once; refused again at once, it waits its turn.
    async fn renew(
        &self,
        delivery: &Delivery,
        detail: String,
    ) -> Result<Tried, crate::catalog::CatalogError> {
        let twice = self.catalog.last_outcome(&delivery.id).await?.as_deref() == Some("session");
        let state = DeliveryState::Pending;
        let next = if twice { Next::Again(state) } else { Next::Now(state) };
        Ok(Tried { outcome: "session", detail, next })
    }

    /// Reads back after doubt; `None` when the record is surely not there.
    async fn settle_doubt(&self, delivery: &Delivery, body: &str) -> Option<Tried> {
        let record: Value = serde_json::from_str(body).unwrap_or_default();
        match self.rws.read_back(&delivery.recording_id, &record).await {
            Found::Missing => None,
            Found::Same => Some(Tried {
                outcome: "found",
                detail: "read back with the same media ids".to_owned(),
                next: Next::Done,
            }),
            Found::Other(detail) => Some(Tried { outcome: "refused", detail, next: Next::Dead }),
            Found::Unknown(detail) => Some(Tried {
                outcome: "doubtful",
                detail,
                next: Next::Again(DeliveryState::Doubtful),
            }),
        }
    }

    /// Builds the body from the rows and fixes it in the table.
    async fn body(
        &self,
        delivery: &Delivery,
    ) -> Result<Result<String, String>, crate::catalog::CatalogError> {
        let (tenant, id) = (&delivery.tenant, &delivery.recording_id);
        let Some(recording) = self.catalog.recording(tenant, id).await? else {
            return Ok(Err("the recording is gone".to_owned()));
        };
        let rows = self.catalog.media_of(tenant, id).await?;
        // Of an erased media file there is nothing to tell.
        let outcome = |row: &MediaRow| match row.state {
            MediaState::Erased => Some(None),
            _ => Some(Some(serde_json::from_str(row.outcome.as_deref()?).ok()?)),
        };
        let outcomes: Option<Vec<Option<Outcome>>> = rows.iter().map(outcome).collect();
        let Some(outcomes) = outcomes else {
            return Ok(Err("an outcome is missing".to_owned()));
        };
        let parts = RecordParts {
            recording: &recording,
            outcomes: &outcomes,
            zone: self.zone.as_ref(),
            settings: &self.settings,
        };
        let body = match build(&parts) {
            Ok(record) => record.to_string(),
            Err(error) => return Ok(Err(error.to_string())),
        };
        self.catalog.set_delivery_body(&delivery.id, &body).await?;
        Ok(Ok(body))
    }
}

fn later(at: Timestamp, by: SignedDuration) -> Timestamp {
    at.checked_add(by).unwrap_or(Timestamp::MAX)
}
