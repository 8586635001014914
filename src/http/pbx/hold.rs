//! `hold/`: no deletion passes a recording on hold.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::caller::Caller;
use super::file;
use super::list::json_of;
use super::problem::Problem;
use crate::asset::gmt_seconds;
use crate::catalog::{AuditEntry, CallScope};
use crate::http::{State, body};
use crate::identity::Permission;

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024;
/// Longest reason, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// `GET` tells of it, `PUT` holds (with a reason), `DELETE` releases.
pub(super) async fn serve(
    state: &State,
    caller: &Caller,
    (scope, uuid): (CallScope, &str),
    (method, body): (&Method, Body),
) -> Result<Response, Problem> {
    let found = file::find(state, caller, scope, uuid).await?;
    let (tenant, recording) = (&found.media.tenant, &found.media.recording_id);
    let entry = |action, detail: Value| AuditEntry {
        tenant,
        actor: &caller.principal.name,
        action,
        subject: recording.as_str(),
        detail,
        now: state.clock.now(),
    };
    match *method {
        Method::GET | Method::HEAD => {}
        Method::PUT => {
            caller.may(Permission::RecordsHold)?;
            let reason = reason(body).await?;
            let entry = entry("recording.hold", json!({ "reason": reason }));
            let held = state.catalog.hold(tenant, recording, &reason, &entry).await?;
            held.ok_or_else(Problem::no_record)?;
        }
        Method::DELETE => {
            caller.may(Permission::RecordsHold)?;
            let entry = entry("recording.release", json!({}));
            let held = state.catalog.release_hold(tenant, recording, &entry).await?;
            return match held {
                Some(true) => Ok(StatusCode::NO_CONTENT.into_response()),
                _ => Err(Problem::not_found()),
            };
        }
        _ => return Err(Problem::method("GET, HEAD, PUT, DELETE")),
    }
    let hold = state.catalog.hold_of(tenant, recording).await?;
    let shown = match hold {
        Some(hold) => json!({
            "hold": true, "since_gmt": gmt_seconds(hold.since), "by": hold.by,
            "reason": hold.reason,
        }),
        None => json!({ "hold": false }),
    };
    Ok(json_of(Body::from(shown.to_string())))
}

/// `{"reason": "…"}`.
async fn reason(body: Body) -> Result<String, Problem> {
    let read = body::read_small(body, MAX_BODY_BYTES).await?;
    let value: Value = serde_json::from_slice(&read).map_err(|error| {
        let message = format!("the body is no JSON (line {})", error.line());
        Problem::new(StatusCode::BAD_REQUEST, "invalid_body", message)
    })?;
    let reason = value.get("reason").and_then(Value::as_str).unwrap_or_default().trim();
    if reason.is_empty() || reason.len() > MAX_REASON_BYTES {
        return Err(Problem::parameter(
            "reason",
            format!("must have 1 to {MAX_REASON_BYTES} bytes"),
        ));
    }
    Ok(reason.to_owned())
}
