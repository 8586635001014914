//! `POST /internal-api/contact-centers/{id}/recordings`, and reading a record back.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use serde_json::{Value, json};

use super::problem::Problem;
use crate::asset::document::MAX_DOCUMENT_BYTES;
use crate::asset::{RecordingDocument, RecordingId, Rules};
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::Permission;

/// Longest contact centre id, in bytes.
const MAX_CONTACT_CENTER_BYTES: usize = 100;

/// Without configured contact centres any id is one: the seed's sample request names its own.
fn known_contact_center(state: &State, id: &str) -> Result<(), Problem> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    let shaped = (1..=MAX_CONTACT_CENTER_BYTES).contains(&id.len())
        && id.bytes().all(plain)
        && !id.starts_with('.');
    let known = &state.gir.contact_centers;
    if shaped && (known.is_empty() || known.iter().any(|known| known == id)) {
        Ok(())
    } else {
        Err(Problem::NotFound("contact center"))
    }
}

/// Inserts a record; one of the same id is merged.
pub(super) async fn post(
    Shared(state): Shared<State>,
    Names(contact_center, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::RecordsInsert).await?;
    state.sessions.check(state.gir.csrf, &headers)?;
    known_contact_center(&state, &contact_center)?;
    let content_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let essence = content_type.unwrap_or_default().split(';').next().unwrap_or_default();
    if !essence.trim().eq_ignore_ascii_case("application/json") {
        return Err(Problem::NotJson);
    }
    let bytes = body::read_small(body, MAX_DOCUMENT_BYTES).await?;
    let document = RecordingDocument::parse(&bytes, Rules::Insertion)
        .map_err(|faults| Problem::document(&faults))?;
    let (tenant, now) = (&principal.tenant, state.clock.now());
    let (id, record) = (&document.id, &document.value);
    let inserts = state.catalog.insert_record(tenant, &contact_center, id, record, now).await?;
    tracing::info!(recording = %id, contact_center, inserts, "record inserted");
    Ok(Json(json!({ "statusCode": 0 })))
}

/// `GET /api/v2/ops/contact-centers/{id}/recordings/{recording}`.
pub(super) async fn get(
    Shared(state): Shared<State>,
    Names((contact_center, id), _): Names<(String, String), Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::RecordsInsert).await?;
    known_contact_center(&state, &contact_center)?;
    let id = RecordingId::parse(&id).map_err(|_| Problem::NotFound("recording"))?;
    let found = state.catalog.inserted_record(&principal.tenant, &contact_center, &id).await?;
    let (record, _) = found.ok_or(Problem::NotFound("recording"))?;
    Ok(Json(json!({ "statusCode": 0, "recording": record })))
}
