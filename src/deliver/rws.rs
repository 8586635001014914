//! Insertion records for RWS.

use jiff::tz::TimeZone;
use serde_json::Value;

use super::{Next, Tried};
use crate::asset::Outcome;
use crate::catalog::{Catalog, CatalogError, Delivery, DeliveryState};
use crate::gir::{Found, GirSettings, RecordParts, RwsClient, Submitted, build};

/// Delivers insertion records. The body is fixed before the first request, so every repetition
/// says the same. After doubt (a request sent, no answer) the record is read back before anything
/// is sent again (R24).
pub struct RwsReceiver {
    /// The table.
    pub catalog: Catalog,
    /// To whom.
    pub rws: RwsClient,
    /// `[gir]`.
    pub settings: GirSettings,
    /// Zone of dates without one.
    pub zone: Option<TimeZone>,
}

impl RwsReceiver {
    /// One try.
    pub(super) async fn attempt(&self, delivery: &Delivery) -> Result<Tried, CatalogError> {
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
    async fn renew(&self, delivery: &Delivery, detail: String) -> Result<Tried, CatalogError> {
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
    async fn body(&self, delivery: &Delivery) -> Result<Result<String, String>, CatalogError> {
        let (tenant, id) = (&delivery.tenant, &delivery.recording_id);
        let Some(recording) = self.catalog.recording(tenant, id).await? else {
            return Ok(Err("the recording is gone".to_owned()));
        };
        let rows = self.catalog.media_of(tenant, id).await?;
        let outcomes: Option<Vec<Outcome>> =
            rows.iter().map(|row| serde_json::from_str(row.outcome.as_deref()?).ok()).collect();
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
