//! Media files that come while the call goes on: the live `PUT`, and `HEAD` and `PATCH` with which a
//! broken one goes on (the IETF draft on resumable uploads).

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use super::media::{acknowledgement, duration_fits, settle, stored_document, wanted_wait};
use super::problem::Problem;
use crate::asset::{MediaEntry, MediaId, RecordingDocument, RecordingId, TenantId};
use crate::catalog::{MediaRow, MediaState};
use crate::http::path::Names;
use crate::http::{State, auth};
use crate::identity::Permission;
use crate::ingest::{Declared, Ending, IngestError, LiveClaimed, LivePart, LiveUpload, Received};
use crate::pipeline::measure;

pub(super) const UPLOAD_OFFSET: HeaderName = HeaderName::from_static("upload-offset");
pub(super) const UPLOAD_COMPLETE: HeaderName = HeaderName::from_static("upload-complete");
/// The media type of a body that goes on with an upload.
const PARTIAL_UPLOAD: &str = "application/partial-upload";

/// A media file of a declared recording.
struct Target {
    tenant: TenantId,
    document: RecordingDocument,
    media: MediaId,
    index: usize,
    entry: MediaEntry,
}

impl Target {
    async fn find(
        state: &State,
        headers: &HeaderMap,
        (id, media): (String, String),
        permission: Permission,
    ) -> Result<Self, Problem> {
        let principal = auth::require(&state.identity, headers, permission).await?;
        let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
        let media = MediaId::parse(&media).map_err(|error| Problem::id("mediaId", &error))?;
        let document = stored_document(state, &principal.tenant, &id).await?;
        let (index, entry) = document.entry(&media).ok_or_else(unknown_media)?;
        let entry = entry.clone();
        Ok(Self { tenant: principal.tenant, document, media, index, entry })
    }
}

fn unknown_media() -> Problem {
    Problem::new(StatusCode::NOT_FOUND, "media_unknown", "the recording has no such mediaId")
}

/// Whether a body without a length belongs to a call that still goes on.
pub(super) async fn is_live(
    state: &State,
    tenant: &TenantId,
    document: &RecordingDocument,
) -> Result<bool, Problem> {
    let Some(interaction) = &document.interaction else { return Ok(false) };
    Ok(state.catalog.interaction_end(tenant, interaction).await? == Some(None))
}

/// Receives a live body from its first byte on.
pub(super) async fn put(
    state: &State,
    headers: &HeaderMap,
    (tenant, document, media): (TenantId, RecordingDocument, MediaId),
    (declared, body): (Declared, Body),
) -> Result<Response, Problem> {
    let (index, entry) = document.entry(&media).ok_or_else(unknown_media)?;
    let (index, entry) = (index, entry.clone());
    let upload = match state.ingest.claim_live(&tenant, &document.id, &media).await? {
        LiveClaimed::Before(row) => {
            state.ingest.compare(&row, body.into_data_stream()).await?;
            let row = settle(state, row.asset_id, wanted_wait(state, headers)).await?;
            return Ok((StatusCode::OK, Json(acknowledgement(&row))).into_response());
        }
        LiveClaimed::Open(upload) if upload.offset() > 0 => {
            let problem = Problem::from(IngestError::Busy).at_offset(upload.offset());
            return Err(problem);
        }
        LiveClaimed::Open(upload) => upload,
    };
    let target = Target { tenant, document, media, index, entry };
    receive(state, headers, &target, *upload, (body, true, declared)).await
}

/// `HEAD …/media/{mediaId}`: how much is durable.
pub(super) async fn head(
    Shared(state): Shared<State>,
    Names(names, _): Names<(String, String), Problem>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let target = Target::find(&state, &headers, names, Permission::IngestWrite).await?;
    let id = &target.document.id;
    let row = state.catalog.media(&target.tenant, id, &target.media).await?;
    let row = row.ok_or_else(unknown_media)?;
    let complete = !matches!(row.state, MediaState::Declared | MediaState::Receiving);
    let offset = state.ingest.durable(&row).await?;
    Ok(progress(StatusCode::NO_CONTENT, offset, complete))
}

/// `PATCH …/media/{mediaId}`: goes on at `Upload-Offset`.
pub(super) async fn patch(
    Shared(state): Shared<State>,
    Names(names, _): Names<(String, String), Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let target = Target::find(&state, &headers, names, Permission::IngestWrite).await?;
    let (provided, whole) = announced(&headers)?;
    let _slot = state.ingest.slot()?;
    state.ingest.admit(0)?;
    let id = &target.document.id;
    let row = state.catalog.media(&target.tenant, id, &target.media).await?;
    let begun = row.is_some_and(|row| row.state == MediaState::Receiving);
    if !begun && !is_live(&state, &target.tenant, &target.document).await? {
        return refuse_late(&state, &target).await;
    }
    let upload = match state.ingest.claim_live(&target.tenant, id, &target.media).await? {
        LiveClaimed::Before(row) => return Ok(completed_before(&row)),
        LiveClaimed::Open(upload) => upload,
    };
    let expected = upload.offset();
    if expected != provided {
        return Err(IngestError::Offset { expected, provided }.into());
    }
    let declared = super::media::declared_of(&headers, target.index, &target.entry)?;
    receive(&state, &headers, &target, *upload, (body, whole, declared)).await
}

/// `Upload-Offset`, and whether the upload ends with this body.
fn announced(headers: &HeaderMap) -> Result<(u64, bool), Problem> {
    let text = |name: &HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let kind = text(&CONTENT_TYPE).unwrap_or_default();
    if kind.split(';').next().map(str::trim) != Some(PARTIAL_UPLOAD) {
        let detail = format!("a body that goes on with an upload is {PARTIAL_UPLOAD}");
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(Problem::new(status, "partial_upload_type", detail));
    }
    let offset = text(&UPLOAD_OFFSET).and_then(|text| text.trim().parse().ok());
    let offset = offset.ok_or_else(|| {
        Problem::bad_request("upload_offset_header", "upload-offset must be a number of bytes")
    })?;
    match text(&UPLOAD_COMPLETE).map(str::trim) {
        Some("?1") => Ok((offset, true)),
        Some("?0") => Ok((offset, false)),
        _ => {
            Err(Problem::bad_request("upload_complete_header", "upload-complete must be ?0 or ?1"))
        }
    }
}

/// A file that was not begun while its call went on, or that is complete.
async fn refuse_late(state: &State, target: &Target) -> Result<Response, Problem> {
    let id = &target.document.id;
    let row = state.catalog.media(&target.tenant, id, &target.media).await?;
    let row = row.ok_or_else(unknown_media)?;
    if row.state != MediaState::Declared {
        return Ok(completed_before(&row));
    }
    let detail = "only an upload of a live interaction can be gone on with; send the whole file";
    Err(Problem::new(StatusCode::CONFLICT, "upload_not_live", detail).at_offset(0))
}

/// The upload has ended: there is nothing to go on with.
fn completed_before(row: &MediaRow) -> Response {
    let detail = "the upload is complete";
    let problem = Problem::new(StatusCode::CONFLICT, "upload_complete", detail);
    let mut response = problem.into_response();
    set_progress(response.headers_mut(), row.upload_bytes.unwrap_or(0), true);
    response
}

/// Receives a body, and acknowledges the upload if it ended.
async fn receive(
    state: &State,
    headers: &HeaderMap,
    target: &Target,
    upload: LiveUpload,
    (body, whole, declared): (Body, bool, Declared),
) -> Result<Response, Problem> {
    let (received, ending) = match upload.receive(body.into_data_stream(), whole, &declared).await?
    {
        LivePart::Open(offset) => return Ok(progress(StatusCode::NO_CONTENT, offset, false)),
        LivePart::Ended(received, ending) => (received, ending),
    };
    if ending == Ending::Sender
        && let Err(problem) = inspect(state, &received, target).await
    {
        state.ingest.discard(*received).await;
        return Err(problem);
    }
    let asset = received.asset();
    let bytes = received.bytes();
    state.ingest.acknowledge(vec![*received], None).await?;
    let row = settle(state, asset, wanted_wait(state, headers)).await?;
    let mut response = (StatusCode::CREATED, Json(acknowledgement(&row))).into_response();
    set_progress(response.headers_mut(), bytes, true);
    Ok(response)
}

/// Holds a file that its sender ended to the document. One that cannot be measured is taken: its
/// bytes were acknowledged, so it is quarantined rather than refused.
async fn inspect(state: &State, received: &Received, target: &Target) -> Result<(), Problem> {
    let (spool, asset) = (state.ingest.spool.clone(), received.asset());
    let (index, entry) = (target.index, target.entry.clone());
    let work = tokio::task::spawn_blocking(move || measure(&spool, asset, &entry)).await;
    match work {
        Ok(Ok(measured)) => duration_fits(index, &target.entry, measured.duration),
        Ok(Err(_)) | Err(_) => Ok(()),
    }
}

fn progress(status: StatusCode, offset: u64, complete: bool) -> Response {
    let mut response = status.into_response();
    set_progress(response.headers_mut(), offset, complete);
    response
}

fn set_progress(headers: &mut HeaderMap, offset: u64, complete: bool) {
    headers.insert(UPLOAD_OFFSET, HeaderValue::from(offset));
    let complete = if complete { "?1" } else { "?0" };
    headers.insert(UPLOAD_COMPLETE, HeaderValue::from_static(complete));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
