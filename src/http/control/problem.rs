//! One table from what may go wrong in live control to statuses and codes; the CXone interface and
//! the recorder channel word it each in their own form.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use jiff::Timestamp;

use super::super::cxone;
use super::super::ingest;
use crate::control::ControlError;

/// Status and stable code of an error.
fn status_and_code(error: &ControlError) -> (StatusCode, &'static str) {
    match error {
        ControlError::NotLive { .. } => (StatusCode::NOT_FOUND, "NO_ACTIVE_INTERACTION"),
        ControlError::Unknown { .. } => (StatusCode::NOT_FOUND, "NOT_FOUND"),
        ControlError::Foreign { .. } => (StatusCode::FORBIDDEN, "RECORDER_FOREIGN"),
        ControlError::Field { .. } => (StatusCode::UNPROCESSABLE_ENTITY, "FIELD_INVALID"),
        ControlError::Differs { .. } => (StatusCode::CONFLICT, "DIFFERS"),
        ControlError::TooLate { .. } => (StatusCode::CONFLICT, "TOO_LATE"),
        ControlError::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOO_MANY"),
        ControlError::Locked { .. } => (StatusCode::TOO_EARLY, "LOCKED"),
        ControlError::Declined => (StatusCode::CONFLICT, "CONSENT_DECLINED"),
        ControlError::Unreachable => (StatusCode::CONFLICT, "RECORDER_UNREACHABLE"),
        ControlError::Unable(_) => (StatusCode::CONFLICT, "RECORDER_UNABLE"),
        ControlError::Internal => (StatusCode::UNPROCESSABLE_ENTITY, "INTERNAL_CALL"),
        ControlError::Contended => (StatusCode::TOO_EARLY, "LOCKED"),
        ControlError::Catalog(error) if error.is_transient() => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
        }
        ControlError::Catalog(_) => (StatusCode::INTERNAL_SERVER_ERROR, "INTERNAL"),
    }
}

/// Whole seconds until an instant, at least one.
fn seconds_until(until: Timestamp, now: Timestamp) -> u64 {
    let left = until.duration_since(now).as_millis().max(0);
    u64::try_from(left).unwrap_or(0).div_ceil(1000).max(1)
}

/// When a refused request may be sent again, in seconds.
fn retry_after(error: &ControlError, now: Timestamp) -> Option<u64> {
    match error {
        ControlError::Locked { until } => Some(seconds_until(*until, now)),
        ControlError::Contended | ControlError::TooMany { .. } => Some(1),
        _ => None,
    }
}

/// What the client may read; the rest goes to the log.
fn text(error: &ControlError) -> String {
    if let ControlError::Catalog(cause) = error {
        tracing::error!(error = ?cause, "live control failed");
        return "the gateway cannot do this now; see its log".to_owned();
    }
    error.to_string()
}

/// A refusal of the control interface, whoever found its cause: it has `description` and
/// `httpStatus` beside the usual members.
pub(super) struct Refused(cxone::Problem);

impl<E> From<E> for Refused
where
    cxone::Problem: From<E>,
{
    fn from(error: E) -> Self {
        Self(error.into())
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.0.described().into_response()
    }
}

/// As the CXone interface answers.
pub(super) fn cxone(error: &ControlError, now: Timestamp) -> Refused {
    let (status, code) = status_and_code(error);
    let problem = cxone::Problem::new(status, code, text(error));
    Refused(match retry_after(error, now) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    })
}

/// As the recorder channel answers.
pub(super) fn channel(error: &ControlError, now: Timestamp) -> ingest::Problem {
    let (status, code) = match error {
        ControlError::TooLate { .. } => (StatusCode::CONFLICT, "too_late"),
        ControlError::NotLive { .. } => (StatusCode::NOT_FOUND, "interaction_unknown"),
        ControlError::Unknown { .. } => (StatusCode::NOT_FOUND, "not_found"),
        ControlError::Foreign { .. } => (StatusCode::FORBIDDEN, "recorder_foreign"),
        ControlError::Differs { .. } => (StatusCode::CONFLICT, "differs"),
        ControlError::TooMany { .. } => (StatusCode::TOO_MANY_REQUESTS, "too_many"),
        other => (status_and_code(other).0, "control_failed"),
    };
    if let ControlError::Field { field, message } = error {
        return ingest::Problem::field("field_invalid", field.clone(), message.clone());
    }
    let problem = ingest::Problem::new(status, code, text(error));
    match retry_after(error, now) {
        Some(seconds) => problem.retry_after(seconds),
        None => problem,
    }
}
