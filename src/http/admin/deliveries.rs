//! `/admin/v1/deliveries`: what is owed to outside systems, and another try.

use axum::Json;
use axum::extract::State as Shared;
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::operator;
use super::parameters::{after, cut, limit};
use crate::asset::utc_format;
use crate::catalog::{AuditEntry, Delivery, DeliveryRetry, DeliveryState};
use crate::http::State;
use crate::http::cxone::{Problem, Query};
use crate::http::path::Names;

/// Deliveries, the latest first; with `state` those in it.
pub(super) async fn list(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let query = Query::of(&uri)?;
    let rule = "must be pending, doubtful, delivered or dead";
    let read = |name| DeliveryState::parse(name).ok_or_else(|| Problem::parameter("state", rule));
    let wanted = query.value(["state", "state"])?.map(read).transpose()?;
    let last = after(&query, |id| is_id(id).then(|| id.to_owned()))?;
    let last = last.as_ref().map(|(created, id)| (instant(*created), id.as_str()));
    let limit = limit(&query)?;
    let (tenant, more) = (&principal.tenant, limit.saturating_add(1));
    let mut found = state.catalog.deliveries_page(tenant, wanted, last, more).await?;
    let next = cut(&mut found, limit).then(|| {
        found.last().map(|(last, _)| format!("{}.{}", last.created.as_microsecond(), last.id))
    });
    let shown: Vec<Value> = found
        .iter()
        .map(|(delivery, last)| {
            let mut shown = shown(delivery);
            if let Some(map) = shown.as_object_mut() {
                map.insert("lastTry".to_owned(), json!(last));
            }
            shown
        })
        .collect();
    Ok(Json(json!({ "deliveries": shown, "next": next.flatten() })))
}

/// Makes one due now that was not delivered yet.
pub(super) async fn retry(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let about = match is_id(&id) {
        true => state.catalog.delivery_about(&principal.tenant, &id).await?,
        false => None,
    };
    let (recording, target) = about.ok_or_else(|| Problem::not_found("delivery"))?;
    let now = state.clock.now();
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "delivery.retry",
        subject: &id,
        detail: json!({ "recordingId": recording, "target": target }),
        now,
    };
    match state.catalog.retry_delivery(&id, &entry).await? {
        DeliveryRetry::Due => {
            state.pipeline.delivery_bell.notify_one();
            Ok(Json(json!({ "deliveryId": id, "dueTime": utc_format(now) })))
        }
        DeliveryRetry::Delivered => {
            let message = "the delivery was made already";
            Err(Problem::new(StatusCode::CONFLICT, "DELIVERED", message))
        }
        DeliveryRetry::Unknown => Err(Problem::not_found("delivery")),
    }
}

/// The id of a delivery is a UUID.
fn is_id(text: &str) -> bool {
    uuid::Uuid::try_parse(text).is_ok_and(|id| id.to_string() == text)
}

fn instant(micros: i64) -> Timestamp {
    Timestamp::from_microsecond(micros).unwrap_or(Timestamp::MAX)
}

/// One delivery, without its body.
pub(super) fn shown(delivery: &Delivery) -> Value {
    let waits = matches!(delivery.state, DeliveryState::Pending | DeliveryState::Doubtful);
    json!({
        "deliveryId": delivery.id,
        "recordingId": delivery.recording_id,
        "target": delivery.target,
        "state": delivery.state,
        "attempts": delivery.attempts,
        "createdTime": utc_format(delivery.created),
        "nextTime": waits.then(|| utc_format(delivery.run_at)),
    })
}
