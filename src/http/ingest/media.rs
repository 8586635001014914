//! `PUT /ingest/v1/recordings/{id}/media/{mediaId}`: one media file as a raw body.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use http::{HeaderMap, StatusCode};
use jiff::SignedDuration;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{digest, resume, status};
use crate::asset::{
    AssetId, MediaEntry, MediaId, MediaTime, MediaType, RecordingDocument, RecordingId, Rules,
    TenantId,
};
use crate::catalog::{MediaRow, MediaState};
use crate::http::path::Names;
use crate::http::{State, auth};
use crate::identity::Permission;
use crate::ingest::{Acknowledge, Claimed, Declared, Received};
use crate::pipeline::measure;

/// How far a declared duration may be from the measured one, in milliseconds.
const DURATION_TOLERANCE_MS: u64 = 1000;

pub(super) async fn put(
    Shared(state): Shared<State>,
    Names((id, media_id), _): Names<(String, String), Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::IngestWrite).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
    let media_id = MediaId::parse(&media_id).map_err(|error| Problem::id("mediaId", &error))?;
    let document = stored_document(&state, &principal.tenant, &id).await?;
    let (index, entry) = document.entry(&media_id).ok_or_else(|| {
        Problem::new(StatusCode::NOT_FOUND, "media_unknown", "the recording has no such mediaId")
    })?;
    check_type(&headers, entry)?;
    let declared = declared(&headers, index, entry)?;
    let _slot = state.ingest.slot()?;
    let streamed = !headers.contains_key(CONTENT_LENGTH);
    if streamed && resume::is_live(&state, &principal.tenant, &document).await? {
        state.ingest.admit(0)?;
        let target = (principal.tenant, document, media_id);
        return resume::put(&state, &headers, target, (declared, body)).await;
    }
    let announced = declared.bytes.as_ref().map_or(0, |(bytes, _)| *bytes);
    state.ingest.admit(announced)?;
    let body = body.into_data_stream();
    let (created, asset) = match state.ingest.claim(&principal.tenant, &id, &media_id).await? {
        Claimed::Before(row) => {
            state.ingest.compare(&row, body).await?;
            (false, row.asset_id)
        }
        Claimed::New(mut received) => {
            let outcome = match received.receive(body, &declared).await {
                Ok(()) => inspect(&state, &received, index, entry).await,
                Err(error) => Err(error.into()),
            };
            if let Err(problem) = outcome {
                state.ingest.discard(*received).await;
                return Err(problem);
            }
            let asset = received.asset();
            let wait = mask_wait(&state, document.masks_complete);
            state.ingest.acknowledge(vec![*received], wait).await?;
            (true, asset)
        }
    };
    let row = settle(&state, asset, wanted_wait(&state, &headers)).await?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(acknowledgement(&row))).into_response())
}

/// The document that was declared under `id`.
pub(super) async fn stored_document(
    state: &State,
    tenant: &TenantId,
    id: &RecordingId,
) -> Result<RecordingDocument, Problem> {
    let row = state.catalog.recording(tenant, id).await?;
    let row = row.ok_or_else(Problem::unknown_recording)?;
    let text = row.document.to_string();
    RecordingDocument::parse(text.as_bytes(), Rules::Ingest).map_err(Problem::document)
}

/// How long the job of a new upload waits for masks that may still come.
pub(super) fn mask_wait(state: &State, masks_complete: bool) -> Option<SignedDuration> {
    let seconds = i64::try_from(state.mask.wait_s).unwrap_or(i64::MAX);
    (!masks_complete).then(|| SignedDuration::from_secs(seconds))
}

/// A body's own media type must be known and agree with the document.
pub(super) fn check_type(headers: &HeaderMap, entry: &MediaEntry) -> Result<(), Problem> {
    let Some(value) = headers.get(CONTENT_TYPE) else { return Ok(()) };
    let text = value.to_str().unwrap_or_default();
    if text.starts_with("application/octet-stream") {
        return Ok(());
    }
    match MediaType::from_mime(text) {
        Some(found) if found == entry.media_type => Ok(()),
        _ => Err(Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "media_type_mismatch",
            format!("the document says {}, the request another media type", entry.media_type),
        )),
    }
}

/// Length and digest that headers and document promise.
pub(super) fn declared(
    headers: &HeaderMap,
    index: usize,
    entry: &MediaEntry,
) -> Result<Declared, Problem> {
    let length = headers.get(CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse().ok());
    let sha256 = digest::promised(headers)?;
    let size_field = format!("mediaFiles[{index}].size");
    if let (Some(length), Some(size)) = (length, entry.size)
        && length != size
    {
        let message = format!("says {size} bytes, and Content-Length {length}");
        return Err(Problem::field("length_mismatch", size_field, message));
    }
    let bytes = match (entry.size, length) {
        (Some(size), _) => Some((size, size_field)),
        (None, Some(length)) => Some((length, "content-length".to_owned())),
        (None, None) => None,
    };
    Ok(Declared { bytes, sha256 })
}

/// What is promised of a whole file by a request that brings a part of it.
pub(super) fn declared_of(
    headers: &HeaderMap,
    index: usize,
    entry: &MediaEntry,
) -> Result<Declared, Problem> {
    let bytes = entry.size.map(|size| (size, format!("mediaFiles[{index}].size")));
    Ok(Declared { bytes, sha256: digest::promised_of_whole(headers)? })
}

/// Recognises and measures what was received, and holds it to the document.
pub(super) async fn inspect(
    state: &State,
    received: &Received,
    index: usize,
    entry: &MediaEntry,
) -> Result<(), Problem> {
    let (spool, asset, copy) = (state.ingest.spool.clone(), received.asset(), entry.clone());
    let work = tokio::task::spawn_blocking(move || measure(&spool, asset, &copy));
    let measured = work.await.map_err(|_| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "a worker thread failed")
    })??;
    duration_fits(index, entry, measured.duration)
}

/// A declared duration must be the measured one, about.
pub(super) fn duration_fits(
    index: usize,
    entry: &MediaEntry,
    measured: MediaTime,
) -> Result<(), Problem> {
    let found = measured.as_millis();
    match entry.duration_ms {
        Some(declared) if declared.abs_diff(found) > DURATION_TOLERANCE_MS => {
            let field = format!("mediaFiles[{index}].duration");
            let message = format!("says {declared} ms, and the media lasts {found} ms");
            Err(Problem::field("duration_mismatch", field, message))
        }
        _ => Ok(()),
    }
}

/// How long the caller wants to wait for *ready*: `Prefer` (RFC 7240), else `ingest.ack`.
pub(super) fn wanted_wait(state: &State, headers: &HeaderMap) -> u64 {
    let prefer = headers.get("prefer").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let longest = state.ingest.settings.ack_wait_s;
    for preference in prefer.split(',').map(str::trim) {
        if preference.eq_ignore_ascii_case("respond-async") {
            return 0;
        }
        if let Some(seconds) = preference.strip_prefix("wait=") {
            return seconds.parse().map_or(0, |seconds: u64| seconds.min(longest));
        }
    }
    match state.ingest.settings.ack {
        Acknowledge::Spooled => 0,
        Acknowledge::Stored => longest,
    }
}

/// Waits until the asset is in a final state, at most `seconds`, and answers its row; a ready one
/// then has a receipt that says *stored*.
pub(super) async fn settle(
    state: &State,
    asset: AssetId,
    seconds: u64,
) -> Result<MediaRow, Problem> {
    let missing = || Problem::new(StatusCode::NOT_FOUND, "media_unknown", "the asset is gone");
    let mut progress = state.progress.subscribe();
    let deadline = tokio::time::sleep(std::time::Duration::from_secs(seconds));
    tokio::pin!(deadline);
    loop {
        let mut row = state.catalog.asset(asset).await?.ok_or_else(missing)?;
        if seconds == 0 {
            return Ok(row);
        }
        if row.state == MediaState::Ready {
            row.receipt = Some(state.ingest.upgrade_receipt(&row).await?);
        }
        if row.state.is_final() {
            return Ok(row);
        }
        tokio::select! {
            _ = progress.changed() => {}
            () = &mut deadline => return Ok(row),
        }
    }
}

/// The answer to an acknowledged upload.
pub(super) fn acknowledgement(row: &MediaRow) -> Value {
    json!({
        "recordingId": row.recording_id,
        "mediaId": row.media_id,
        "assetId": row.asset_id,
        "state": status::public_state(row.state),
        "reason": row.reason,
        "bytes": row.upload_bytes,
        "sha256": row.upload_sha256,
        "receipt": row.receipt,
    })
}
