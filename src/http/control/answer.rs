//! What callers of the CXone interface read.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use serde_json::{Map, Value, json};

use super::super::cxone::{Problem, http_status};
use super::problem::{Refused, cxone};
use crate::asset::ContactId;
use crate::catalog::{InteractionKind, InteractionRow};
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
fn names(row: &InteractionRow, form: ContactIdForm) -> Vec<(&'static str, Value)> {
    vec![
        ("contactId", contact_id(&row.contact, form)),
        ("interactionId", json!(row.id)),
        ("segmentId", row.segment.as_str().into()),
    ]
}

/// The answer to a request: 200, 202, 404, 409 or 504, with what took effect and when.
pub(super) fn answer(state: &State, ticket: &Ticket, answer: &Answer) -> Response {
    let form = state.control.settings().contact_id;
    let (status, code) = match answer.outcome {
        Outcome::Done => (StatusCode::OK, None),
        Outcome::Accepted => (StatusCode::ACCEPTED, None),
        // The screen recording API lists no 409: a session that did not begin is not there.
        Outcome::Refused if ticket.interaction.kind == InteractionKind::Screen => {
            (StatusCode::NOT_FOUND, Some("RECORDER_REFUSED"))
        }
        Outcome::Refused => (StatusCode::CONFLICT, Some("RECORDER_REFUSED")),
        Outcome::TimedOut => (StatusCode::GATEWAY_TIMEOUT, Some("RECORDER_SILENT")),
    };
    let mut members = names(&ticket.interaction, form);
    if let Some(effect) = answer.effect {
        members.push(("effectiveTime", format!("{effect:.3}").into()));
    }
    if let Some(media_ms) = answer.media_ms {
        members.push(("mediaTimeMs", media_ms.into()));
    }
    if let Some(code) = code {
        let mut problem = Problem::new(status, code, answer.description.clone());
        for (name, value) in members {
            problem = problem.with(name, value);
        }
        return Refused::from(problem).into_response();
    }
    members.push(("description", answer.description.as_str().into()));
    members.push(("httpStatus", http_status(status).into()));
    let body: Map<String, Value> =
        members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    (status, Json(Value::Object(body))).into_response()
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
