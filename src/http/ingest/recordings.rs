//! `PUT /ingest/v1/recordings/{id}`: declares a recording.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use serde_json::json;

use super::problem::Problem;
use crate::asset::document::MAX_DOCUMENT_BYTES;
use crate::asset::{RecordingDocument, RecordingId, Rules};
use crate::catalog::{Declared, NewRecording};
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::{Permission, Principal};

pub(super) async fn put(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::IngestWrite).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
    let bytes = body::read_small(body, MAX_DOCUMENT_BYTES).await?;
    let document = RecordingDocument::parse(&bytes, Rules::Ingest).map_err(Problem::document)?;
    if document.id != id {
        return Err(Problem::field("id_mismatch", "id", "differs from the id in the path"));
    }
    let created = declare(&state, &principal, &document).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    let answer = json!({
        "recordingId": document.id,
        "state": "declared",
        "warnings": document.warnings,
    });
    Ok((status, Json(answer)).into_response())
}

/// Declares a document; false when the same one was declared before.
pub(super) async fn declare(
    state: &State,
    principal: &Principal,
    document: &RecordingDocument,
) -> Result<bool, Problem> {
    if let Some(interaction) = &document.interaction
        && state.catalog.interaction_end(&principal.tenant, interaction).await?.is_none()
    {
        let message = "there is no such interaction";
        return Err(Problem::field("interaction_unknown", "reelgate.interactionId", message));
    }
    let zone = state.mask.time_zone();
    let new = NewRecording {
        tenant: &principal.tenant,
        document,
        zone: zone.as_ref(),
        now: state.clock.now(),
    };
    match state.catalog.declare(&new).await? {
        Declared::Created => Ok(true),
        Declared::Same => Ok(false),
        Declared::Different => Err(Problem::new(
            StatusCode::CONFLICT,
            "recording_differs",
            "the id exists with another document",
        )),
        Declared::Gone => Err(Problem::new(
            StatusCode::CONFLICT,
            "recording_deleted",
            "the recording of this id was deleted; the id is not used again",
        )),
        Declared::MediaTaken(media) => Err(Problem::new(
            StatusCode::CONFLICT,
            "media_id_taken",
            format!("mediaId {media} belongs to another recording"),
        )),
    }
}
