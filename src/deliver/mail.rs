//! Letters, for the mail relay.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use jiff::Timestamp;

use super::{Next, Tried};
use crate::asset::{AssetId, Clock};
use crate::catalog::{Catalog, CatalogError, Delivery, DeliveryState};
use crate::mail::{Letter, Relay, Sent, Stamp, compose, parse_address};

/// Gives the link of an archive. It is asked for at each try, since the link is in no row. The error
/// is told in the delivery's tries: it holds no secret.
pub type ArchiveUrl =
    Arc<dyn Fn(AssetId) -> BoxFuture<'static, Result<String, String>> + Send + Sync>;

/// Sends letters. A letter cannot be read back, so what may have arrived is not sent again: the row
/// becomes doubtful just before the message leaves, and a doubtful row is given up. An operator may
/// ask for another try.
pub struct MailReceiver {
    /// The table.
    pub catalog: Catalog,
    /// Through whom.
    pub relay: Relay,
    /// Where archives are found.
    pub archive_url: ArchiveUrl,
    /// Whose leases.
    pub node: String,
    /// Now.
    pub clock: Arc<dyn Clock>,
}

impl MailReceiver {
    /// One try. An error of the catalogue before the message left leaves the row as it was.
    pub(super) async fn attempt(
        &self,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Tried, CatalogError> {
        if delivery.state == DeliveryState::Doubtful {
            let detail = "an earlier try ended without an answer: the letter may have arrived";
            return Ok(ended("doubtful", detail));
        }
        let letter = match letter(delivery, now) {
            Ok(letter) => letter,
            Err(detail) => return Ok(ended("refused", &detail)),
        };
        let link = match letter.content.archive() {
            None => None,
            Some((asset, _)) => match (self.archive_url)(asset).await {
                Ok(link) => Some(link),
                Err(detail) => return Ok(again(detail)),
            },
        };
        let stamp = Stamp { delivery: &delivery.id, created: delivery.created };
        let message = compose(&letter, self.relay.from(), stamp, link.as_deref());
        let (message, to) = match (message, parse_address(&letter.to)) {
            (Ok(message), Ok(to)) => (message, to),
            (Err(error), _) => return Ok(ended("refused", &error.to_string())),
            (_, Err(fault)) => return Ok(ended("refused", &format!("the recipient {fault}"))),
        };
        let ready = match self.relay.begin(&to).await {
            Ok(ready) => ready,
            Err(sent) => return Ok(tried(sent)),
        };
        let now = self.clock.now();
        if !self.catalog.begin_sending(&delivery.id, &self.node, now).await? {
            return Err(CatalogError::Lease { what: delivery.id.clone() });
        }
        Ok(tried(ready.finish(&message).await))
    }
}

/// The letter of a row; the error is for good.
fn letter(delivery: &Delivery, now: Timestamp) -> Result<Letter, String> {
    let body = delivery.body.as_deref().ok_or("the row has no letter")?;
    // The text of the error might repeat an address.
    let letter: Letter = serde_json::from_str(body)
        .map_err(|error| format!("the letter cannot be read at column {}", error.column()))?;
    match letter.content.archive() {
        Some((_, expires)) if expires <= now => {
            Err("the link ended before the letter could be sent".to_owned())
        }
        _ => Ok(letter),
    }
}

fn tried(sent: Sent) -> Tried {
    match sent {
        Sent::Delivered(detail) => Tried { outcome: "delivered", detail, next: Next::Done },
        Sent::Refused(detail) => ended("refused", &detail),
        Sent::Retry(detail) => again(detail),
        Sent::Doubtful(detail) => {
            ended("doubtful", &format!("{detail}; the letter may have arrived"))
        }
    }
}

fn ended(outcome: &'static str, detail: &str) -> Tried {
    Tried { outcome, detail: detail.to_owned(), next: Next::Dead }
}

fn again(detail: String) -> Tried {
    Tried { outcome: "retry", detail, next: Next::Again(DeliveryState::Pending) }
}
