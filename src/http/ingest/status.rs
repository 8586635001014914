//! `GET /ingest/v1/recordings/{id}`: every stage, reason, receipt, delivery.

use std::net::IpAddr;

use axum::Json;
use axum::extract::State as Shared;
use http::HeaderMap;
use serde_json::{Value, json};

use super::media::stored_document;
use super::problem::Problem;
use crate::asset::{Outcome, RecordingDocument, RecordingId};
use crate::catalog::{MediaRow, MediaState, RWS};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::http::{State, auth};
use crate::identity::{Permission, Principal};
use crate::play::{Disposition, Listener, Wanted};

pub(super) async fn get(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::IngestRead).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::id("id", &error))?;
    Ok(Json(describe(&state, (&principal, address), &id).await?))
}

/// The states that callers see: what happens between *spooled* and *ready* is our own affair.
pub(super) const fn public_state(state: MediaState) -> &'static str {
    match state {
        MediaState::Committing => MediaState::Spooled.name(),
        other => other.name(),
    }
}

/// Everything known of a recording.
pub(super) async fn describe(
    state: &State,
    caller: (&Principal, IpAddr),
    id: &RecordingId,
) -> Result<Value, Problem> {
    let (principal, _) = caller;
    let document = stored_document(state, &principal.tenant, id).await?;
    let rows = state.catalog.media_of(&principal.tenant, id).await?;
    let recording = state.catalog.recording(&principal.tenant, id).await?;
    let mut media = Vec::with_capacity(rows.len());
    for row in &rows {
        media.push(media_file(state, caller, &document, row).await?);
    }
    let mut deliveries = Vec::new();
    let mut insertion = Value::Null;
    for (delivery, tries) in state.catalog.deliveries_of(&principal.tenant, id).await? {
        if let Some(body) = delivery.body.as_ref().filter(|_| delivery.target == RWS) {
            insertion = serde_json::from_str(body).unwrap_or_default();
        }
        deliveries.push(json!({
            "target": delivery.target,
            "state": delivery.state,
            "attempts": delivery.attempts,
            "tries": tries,
        }));
    }
    Ok(json!({
        "recordingId": id,
        "state": overall(&rows),
        "masksComplete": recording.is_some_and(|row| row.masks_complete),
        "media": media,
        "insertion": insertion,
        "deliveries": deliveries,
        "warnings": document.warnings,
    }))
}

/// The state of the whole: the worst, or the least advanced, of its media files.
fn overall(rows: &[MediaRow]) -> &'static str {
    let any = |state: MediaState| rows.iter().any(|row| row.state == state);
    let order = [
        MediaState::Quarantined,
        MediaState::Declared,
        MediaState::Receiving,
        MediaState::Spooled,
        MediaState::Committing,
    ];
    let done = [MediaState::Archived, MediaState::Ready];
    let first = order.into_iter().chain(done).find(|state| any(*state));
    public_state(first.unwrap_or(MediaState::Erased))
}

async fn media_file(
    state: &State,
    (principal, address): (&Principal, IpAddr),
    document: &RecordingDocument,
    row: &MediaRow,
) -> Result<Value, Problem> {
    let mut answer = json!({
        "mediaId": row.media_id,
        "assetId": row.asset_id,
        "mediaKind": document.entry(&row.media_id).map(|(_, entry)| entry.kind),
        "state": public_state(row.state),
        "reason": row.reason,
        "detail": row.detail,
        "receipt": row.receipt,
        "upload": { "bytes": row.upload_bytes, "sha256": row.upload_sha256 },
        "stages": state.catalog.stages(row.asset_id).await?,
    });
    if let Some((attempts, error)) = state.catalog.job_error(row.asset_id).await?
        && let Some(map) = answer.as_object_mut()
    {
        // The chain of causes may name addresses of the inside: administrators only.
        let error = error.filter(|_| principal.may(Permission::Admin));
        map.insert("job".to_owned(), json!({ "attempts": attempts, "lastError": error }));
    }
    if row.state == MediaState::Ready
        && let Some(outcome) = row.outcome.as_deref()
        && let Ok(outcome) = serde_json::from_str::<Outcome>(outcome)
        && let Some(map) = answer.as_object_mut()
    {
        map.insert("stored".to_owned(), json!(outcome.stored.url));
        map.insert("sealed".to_owned(), json!(outcome.seal.mode));
        map.insert("bytes".to_owned(), json!(outcome.bytes));
        map.insert("sha256".to_owned(), json!(outcome.sha256));
        map.insert("durationMs".to_owned(), json!(outcome.duration_ms));
        map.insert("spans".to_owned(), json!(outcome.spans));
        map.insert("certificate".to_owned(), outcome.certificate.clone());
        if principal.may(Permission::PlayAny) && outcome.seal.playback {
            let wanted = [Disposition::Inline, Disposition::Attachment].map(|disposition| Wanted {
                asset: row.asset_id,
                outcome: &outcome,
                disposition,
                life_s: state.links.settings.link_life_s,
            });
            let listener = Listener { tenant: &row.tenant, name: &principal.name, address };
            let subject = row.recording_id.as_str();
            let made = state.links.issue(listener, subject, &wanted).await;
            let made = made.map_err(|error| Problem::internal(&error))?;
            for (name, link) in ["playUrl", "downloadUrl"].into_iter().zip(made) {
                map.insert(name.to_owned(), json!(link.url));
            }
        }
    }
    Ok(answer)
}
