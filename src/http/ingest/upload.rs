//! `POST /ingest/v1/recordings`: a whole recording as `multipart/form-data`, streamed. The part
//! `recording` comes first; then one part for each media file, named by its `mediaId`. All of it is
//! acknowledged, or nothing.

use axum::Json;
use axum::extract::multipart::{Field, Multipart, MultipartError};
use axum::extract::{FromRequest as _, Request, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use serde_json::json;

use super::media::{
    acknowledgement, check_type, declared, inspect, mask_wait, settle, wanted_wait,
};
use super::problem::Problem;
use super::recordings::declare;
use crate::asset::document::MAX_DOCUMENT_BYTES;
use crate::asset::{AssetId, MediaId, RecordingDocument, Rules};
use crate::http::{State, auth};
use crate::identity::{Permission, Principal};
use crate::ingest::{Claimed, Received};

/// Room for part headers and boundaries beside the media itself, in bytes.
const MULTIPART_OVERHEAD: u64 = 1 << 20;

pub(super) async fn post(
    Shared(state): Shared<State>,
    request: Request,
) -> Result<Response, Problem> {
    let headers = request.headers().clone();
    let principal = auth::require(&state.identity, &headers, Permission::IngestWrite).await?;
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let _slot = state.ingest.slot()?;
    state.ingest.admit(u64::saturating_sub(length.unwrap_or(0), MULTIPART_OVERHEAD))?;
    let mut parts = Multipart::from_request(request, &())
        .await
        .map_err(|error| Problem::bad_request("multipart_syntax", error.body_text()))?;
    let document = first_part(&mut parts).await?;
    let created = declare(&state, &principal, &document).await?;
    let result = all_media(&state, &principal, &document, &mut parts).await;
    if result.is_err() && created {
        withdraw(&state, &principal, &document).await;
    }
    let (assets, new) = result?;
    let seconds = wanted_wait(&state, &headers);
    let mut media = Vec::with_capacity(assets.len());
    for asset in assets {
        media.push(acknowledgement(&settle(&state, asset, seconds).await?));
    }
    let answer = json!({
        "recordingId": document.id,
        "media": media,
        "warnings": document.warnings,
    });
    let status = if new { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(answer)).into_response())
}

/// Takes a failed declaration back, so that the same id may be sent again, corrected.
async fn withdraw(state: &State, principal: &Principal, document: &RecordingDocument) {
    if let Err(error) = state.catalog.forget(&principal.tenant, &document.id).await {
        tracing::error!(recording = %document.id, error = ?error, "not withdrawn");
    }
}

async fn first_part(parts: &mut Multipart) -> Result<RecordingDocument, Problem> {
    let field = next(parts).await?.filter(|field| field.name() == Some("recording"));
    let mut field = field.ok_or_else(|| {
        Problem::bad_request("part_order", "the first part must be named recording")
    })?;
    let mut bytes = Vec::new();
    while let Some(chunk) = field.chunk().await.map_err(syntax)? {
        if bytes.len().saturating_add(chunk.len()) > MAX_DOCUMENT_BYTES {
            let detail = format!("the part recording is over {MAX_DOCUMENT_BYTES} bytes");
            return Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "document_too_large", detail));
        }
        bytes.extend_from_slice(&chunk);
    }
    RecordingDocument::parse(&bytes, Rules::Ingest).map_err(Problem::document)
}

/// Receives all parts, then acknowledges them together. Answers the assets in document order, and
/// whether any of them is new.
async fn all_media(
    state: &State,
    principal: &Principal,
    document: &RecordingDocument,
    parts: &mut Multipart,
) -> Result<(Vec<AssetId>, bool), Problem> {
    let mut done: Vec<Option<AssetId>> = vec![None; document.media.len()];
    let mut uploads = Vec::new();
    let result = loop {
        let field = match next(parts).await {
            Ok(Some(field)) => field,
            Ok(None) => break Ok(()),
            Err(problem) => break Err(problem),
        };
        match one_part(state, principal, document, field, &mut done).await {
            Ok(received) => uploads.extend(received),
            Err(problem) => break Err(problem),
        }
    };
    let result = result.and_then(|()| all_there(document, &done));
    if let Err(problem) = result {
        give_back(state, uploads).await;
        return Err(problem);
    }
    let new = !uploads.is_empty();
    if new {
        let wait = mask_wait(state, document.masks_complete);
        state.ingest.acknowledge(uploads, wait).await?;
    }
    Ok((done.into_iter().flatten().collect(), new))
}

/// Waits until dropped uploads are gone, so that nothing of the request is left when it answers.
async fn give_back(state: &State, uploads: Vec<Received>) {
    for upload in uploads {
        state.ingest.discard(upload).await;
    }
}

fn all_there(document: &RecordingDocument, done: &[Option<AssetId>]) -> Result<(), Problem> {
    match done.iter().position(Option::is_none) {
        None => Ok(()),
        Some(index) => {
            let name = document.media.get(index).map(|entry| entry.media_id.to_string());
            let message = format!("has no part named {}", name.unwrap_or_default());
            Err(Problem::field("part_missing", format!("mediaFiles[{index}]"), message))
        }
    }
}

async fn one_part(
    state: &State,
    principal: &Principal,
    document: &RecordingDocument,
    field: Field<'_>,
    done: &mut [Option<AssetId>],
) -> Result<Option<Received>, Problem> {
    let name = field.name().unwrap_or_default().to_owned();
    let media_id = MediaId::parse(&name).map_err(|error| Problem::id("part name", &error))?;
    let (index, entry) = document.entry(&media_id).ok_or_else(|| {
        Problem::bad_request("part_unknown", format!("mediaFiles has no mediaId {media_id}"))
    })?;
    let slot = done.get_mut(index).ok_or_else(Problem::unknown_recording)?;
    if slot.is_some() {
        let detail = format!("the part {media_id} came twice");
        return Err(Problem::bad_request("part_duplicate", detail));
    }
    check_type(field.headers(), entry)?;
    let mut promised = declared(field.headers(), index, entry)?;
    if entry.size.is_none() && field.headers().get(CONTENT_LENGTH).is_none() {
        promised.bytes = None;
    }
    match state.ingest.claim(&principal.tenant, &document.id, &media_id).await? {
        Claimed::Before(row) => {
            state.ingest.compare(&row, field).await?;
            *slot = Some(row.asset_id);
            Ok(None)
        }
        Claimed::New(mut received) => {
            let outcome = match received.receive(field, &promised).await {
                Ok(()) => inspect(state, &received, index, entry).await,
                Err(error) => Err(error.into()),
            };
            if let Err(problem) = outcome {
                state.ingest.discard(*received).await;
                return Err(problem);
            }
            *slot = Some(received.asset());
            Ok(Some(*received))
        }
    }
}

async fn next(parts: &mut Multipart) -> Result<Option<Field<'_>>, Problem> {
    parts.next_field().await.map_err(syntax)
}

fn syntax(error: MultipartError) -> Problem {
    Problem::bad_request("multipart_syntax", error.body_text())
}
