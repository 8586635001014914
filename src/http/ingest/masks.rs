//! Masks that come after the document, and the word that none will come any more.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use http::{HeaderMap, StatusCode};
use serde_json::{Value, json};

use super::media::stored_document;
use super::problem::Problem;
use super::status;
use crate::asset::document::{MAX_DOCUMENT_BYTES, MAX_EVENTS};
use crate::asset::{FieldFault, MaskEntry, RecordingId, Span, TenantId};
use crate::catalog::{MaskChange, MediaState};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::http::{State, auth, body};
use crate::identity::Permission;
use crate::pipeline::{MaskRequest, analyse};

/// `POST …/masks`: answers the spans that result for each media file received so far.
pub(super) async fn post(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::IngestWrite).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
    let bytes = body::read_small(body, MAX_DOCUMENT_BYTES).await?;
    let masks = read_masks(&bytes)?;
    match state.catalog.add_masks(&principal.tenant, &id, &masks).await? {
        MaskChange::Unknown => return Err(Problem::unknown_recording()),
        MaskChange::TooLate => {
            let detail = "an asset of the recording is being processed or done";
            return Err(Problem::new(StatusCode::CONFLICT, "masks_too_late", detail));
        }
        MaskChange::Accepted => {}
    }
    let media = resulting_spans(&state, &principal.tenant, &id).await?;
    Ok(Json(json!({ "recordingId": id, "media": media })))
}

fn read_masks(bytes: &[u8]) -> Result<Vec<MaskEntry>, Problem> {
    let masks: Vec<MaskEntry> = serde_json::from_slice(bytes).map_err(|error| {
        let message = format!("is not an array of objects with time and type: {error}");
        Problem::document(vec![FieldFault { field: "masks".to_owned(), message }])
    })?;
    if masks.is_empty() || masks.len() > MAX_EVENTS {
        let message = format!("must have 1 to {MAX_EVENTS} entries");
        return Err(Problem::field("masks_invalid", "masks", message));
    }
    for (index, mask) in masks.iter().enumerate() {
        if !matches!(mask.kind.as_str(), "paused" | "resume") {
            let field = format!("[{index}].type");
            return Err(Problem::field("masks_invalid", field, "must be paused or resume"));
        }
        if let Err(error) = crate::asset::WireTime::parse(&mask.time) {
            let field = format!("[{index}].time");
            return Err(Problem::field("masks_invalid", field, error.to_string()));
        }
    }
    Ok(masks)
}

/// The spans of each media file in the spool; for one that would be quarantined, the reason.
async fn resulting_spans(
    state: &State,
    tenant: &TenantId,
    id: &RecordingId,
) -> Result<Vec<Value>, Problem> {
    let document = stored_document(state, tenant, id).await?;
    let row = state.catalog.recording(tenant, id).await?;
    let recording = row.ok_or_else(Problem::unknown_recording)?;
    let mut media = Vec::new();
    for row in state.catalog.media_of(tenant, id).await? {
        let mut answer = json!({ "mediaId": row.media_id, "state": row.state });
        if row.state == MediaState::Spooled
            && let Some(request) = MaskRequest::of(&recording, &document, &row.media_id)
        {
            let (spool, asset) = (state.ingest.spool.clone(), row.asset_id);
            let settings = state.mask.clone();
            let work = move || analyse(&spool, asset, &request, &settings);
            let spans: Result<Vec<Span>, String> = match tokio::task::spawn_blocking(work).await {
                Ok(Ok(analysed)) => Ok(analysed.plan.requested),
                Ok(Err(error)) => Err(error.to_string()),
                Err(_) => Err("a worker thread failed".to_owned()),
            };
            if let Some(map) = answer.as_object_mut() {
                match spans {
                    Ok(spans) => map.insert("spans".to_owned(), json!(spans)),
                    Err(reason) => map.insert("reason".to_owned(), json!(reason)),
                };
            }
        }
        media.push(answer);
    }
    Ok(media)
}

/// `POST …/complete`: no more masks or media.
pub(super) async fn complete(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::IngestWrite).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
    if !state.catalog.complete_masks(&principal.tenant, &id, state.clock.now()).await? {
        return Err(Problem::unknown_recording());
    }
    state.ingest.bell.notify_one();
    Ok(Json(status::describe(&state, (&principal, address), &id).await?))
}
