//! What callers of the CXone interface read.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::problem::{cxone, described, http_status};
use crate::asset::ContactId;
use crate::catalog::InteractionRow;
use crate::control::{Answer, ContactIdForm, ControlError, Outcome, Ticket};
use crate::http::State;

/// A contact id as JSON: a number where it is one that every reader keeps, if numbers are wanted.
pub(super) fn contact_id(id: &ContactId, form: ContactIdForm) -> Value {
    let number = || {
        let number: u64 = id.as_str().parse().ok()?;
        let kept = number < (1 << 53) && number.to_string() == id.as_str();
        kept.then_some(number)
    };
    match form {
        ContactIdForm::Number => number().map_or_else(|| id.as_str().into(), Value::from),
        ContactIdForm::String => id.as_str().into(),
    }
}

/// The members that every answer about an interaction has.
fn names(row: &InteractionRow, form: ContactIdForm) -> Map<String, Value> {
    let mut map = Map::new();
    map.insert("contactId".to_owned(), contact_id(&row.contact, form));
    map.insert("interactionId".to_owned(), json!(row.id));
    map.insert("segmentId".to_owned(), row.segment.as_str().into());
    map
}

/// The answer to a request: 200, 202, 409 or 504, with what took effect and when.
pub(super) fn answer(state: &State, ticket: &Ticket, answer: &Answer) -> Response {
    let form = state.control.settings().contact_id;
    let (status, code) = match answer.outcome {
        Outcome::Done => (StatusCode::OK, None),
        Outcome::Accepted => (StatusCode::ACCEPTED, None),
        Outcome::Refused => (StatusCode::CONFLICT, Some("RECORDER_REFUSED")),
        Outcome::TimedOut => (StatusCode::GATEWAY_TIMEOUT, Some("RECORDER_SILENT")),
    };
    let mut more = names(&ticket.interaction, form);
    if let Some(effect) = answer.effect {
        more.insert("effectiveTime".to_owned(), format!("{effect:.3}").into());
    }
    if let Some(media_ms) = answer.media_ms {
        more.insert("mediaTimeMs".to_owned(), media_ms.into());
    }
    if let Some(code) = code {
        let problem = described(status, code, answer.description.clone());
        let problem = more.into_iter().fold(problem, |problem, (k, v)| problem.with(&k, v));
        return problem.into_response();
    }
    more.insert("description".to_owned(), answer.description.as_str().into());
    more.insert("httpStatus".to_owned(), http_status(status));
    (status, Json(Value::Object(more))).into_response()
}

/// Waits for what a request comes to, and answers it.
pub(super) async fn settle(state: &State, ticket: Result<Ticket, ControlError>) -> Response {
    let settled = async {
        let ticket = ticket?;
        let settled = state.control.answer(&ticket).await?;
        Ok::<_, ControlError>((ticket, settled))
    };
    match settled.await {
        Ok((ticket, settled)) => answer(state, &ticket, &settled),
        Err(error) => cxone(&error, state.clock.now()).into_response(),
    }
}
