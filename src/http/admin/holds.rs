//! `/admin/v1/recordings/{id}/hold`: what is on hold is not deleted, whoever asks.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use http::{HeaderMap, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::asset::{RecordingId, utc_format};
use crate::catalog::{AuditEntry, Hold};
use crate::http::cxone::Problem;
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::{Permission, Principal};

/// Longest body that is read, in bytes.
const MAX_BODY_BYTES: usize = 8 * 1024;
/// Longest reason, in characters.
const MAX_REASON: usize = 500;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wish {
    reason: String,
}

/// Whether a recording is on hold, and why.
pub(super) async fn show(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let (principal, id) = caller(&state, &headers, &id).await?;
    let found = state.catalog.recording(&principal.tenant, &id).await?;
    found.ok_or_else(|| Problem::not_found("recording"))?;
    let hold = state.catalog.hold_of(&principal.tenant, &id).await?;
    Ok(Json(json!({ "recordingId": id, "hold": hold.as_ref().map(shown) })))
}

/// Puts a recording on hold, or gives another reason.
pub(super) async fn put(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let (principal, id) = caller(&state, &headers, &id).await?;
    let bytes = body::read_small(body, MAX_BODY_BYTES).await?;
    let wish: Wish =
        serde_json::from_slice(&bytes).map_err(|error| Problem::body(error.to_string()))?;
    let reason = reason(&wish.reason)?;
    let entry = entry(&principal, "hold.set", &id, json!({ "reason": reason }), &state);
    let done = state.catalog.hold(&principal.tenant, &id, reason, &entry).await?;
    done.ok_or_else(|| Problem::not_found("recording"))?;
    let hold = state.catalog.hold_of(&principal.tenant, &id).await?;
    Ok(Json(json!({ "recordingId": id, "hold": hold.as_ref().map(shown) })))
}

/// Takes the hold back; 204 too when there was none.
pub(super) async fn release(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    let (principal, id) = caller(&state, &headers, &id).await?;
    let entry = entry(&principal, "hold.release", &id, json!({}), &state);
    let done = state.catalog.release_hold(&principal.tenant, &id, &entry).await?;
    done.ok_or_else(|| Problem::not_found("recording"))?;
    Ok(StatusCode::NO_CONTENT)
}

/// A hold in an answer.
pub(super) fn shown(hold: &Hold) -> Value {
    json!({ "since": utc_format(hold.since), "by": hold.by, "reason": hold.reason })
}

async fn caller(
    state: &State,
    headers: &HeaderMap,
    id: &str,
) -> Result<(Principal, RecordingId), Problem> {
    let principal = auth::require(&state.identity, headers, Permission::RecordsHold).await?;
    let id = RecordingId::parse(id).map_err(|error| Problem::parameter("recordingId", error))?;
    Ok((principal, id))
}

fn reason(text: &str) -> Result<&str, Problem> {
    let text = text.trim();
    if text.is_empty() {
        return Err(Problem::parameter("reason", "must not be empty"));
    }
    let length = text.chars().count();
    if length > MAX_REASON {
        let fault = format!("has {length} characters; the limit is {MAX_REASON}");
        return Err(Problem::parameter("reason", fault));
    }
    if text.chars().any(|c| c.is_control() && c != '\n') {
        return Err(Problem::parameter("reason", "must not hold control characters"));
    }
    Ok(text)
}

fn entry<'e>(
    principal: &'e Principal,
    action: &'e str,
    id: &'e RecordingId,
    detail: Value,
    state: &State,
) -> AuditEntry<'e> {
    AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action,
        subject: id.as_str(),
        detail,
        now: state.clock.now(),
    }
}
