//! `GET /admin/v1/recordings/{id}`: everything known of a recording, and no secret.

use axum::Json;
use axum::extract::State as Shared;
use http::HeaderMap;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::{deliveries, holds, operator, recordings};
use crate::asset::{
    MediaEntry, Outcome, RecordingDocument, RecordingId, Rules, WireTime, utc_format,
};
use crate::catalog::{JobFacts, MediaRow, RecordingRow, RenditionRow, RenditionState};
use crate::http::State;
use crate::http::cxone::Problem;
use crate::http::path::Names;

/// Most silenced spans of one file that are shown.
const MAX_SPANS: usize = 500;
/// What of a certificate is shown as it is.
const CERTIFICATE: [&str; 11] = [
    "container",
    "codec",
    "sampleRate",
    "channels",
    "silencedChannels",
    "guardMs",
    "unitsSilenced",
    "unitsTotal",
    "recheckHeld",
    "decodedFrom",
    "cut",
];

/// One recording.
pub(super) async fn show(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let id = RecordingId::parse(&id).map_err(|error| Problem::parameter("recordingId", error))?;
    let tenant = &principal.tenant;
    let found = state.catalog.found_recording(tenant, &id).await?;
    let found = found.ok_or_else(|| Problem::not_found("recording"))?;
    let row = state.catalog.recording(tenant, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("recording"))?;
    let document = RecordingDocument::parse(row.document.to_string().as_bytes(), Rules::Ingest);
    let document = document.map_err(|faults| Problem::internal(&faults))?;
    let mut media = Vec::new();
    for file in state.catalog.media_of(tenant, &id).await? {
        media.push(media_file(&state, &document, &file).await?);
    }
    let renditions = state.catalog.renditions_of(tenant, &id).await?;
    let hold = state.catalog.hold_of(tenant, &id).await?;
    let owed = state.catalog.deliveries_of(tenant, &id).await?;
    let owed: Vec<Value> = owed
        .iter()
        .map(|(delivery, tries)| {
            let mut shown = deliveries::shown(delivery);
            put(&mut shown, "tries", json!(tries));
            shown
        })
        .collect();
    let mut answer = recordings::shown(&found);
    put(&mut answer, "summary", summary(&row, &document));
    put(&mut answer, "hold", hold.as_ref().map(holds::shown).into());
    put(&mut answer, "media", media.into());
    put(&mut answer, "renditions", renditions.iter().map(rendition).collect());
    put(&mut answer, "deliveries", owed.into());
    Ok(Json(answer))
}

fn put(object: &mut Value, name: &str, value: Value) {
    if let Some(map) = object.as_object_mut() {
        map.insert(name.to_owned(), value);
    }
}

/// What the document says, without what was said in the call.
fn summary(row: &RecordingRow, document: &RecordingDocument) -> Value {
    let of = |name: &str| document.value.get(name).cloned().unwrap_or_default();
    let conversation = &document.conversation;
    json!({
        "region": of("region"),
        "callType": of("callType"),
        "direction": conversation.direction,
        "channels": conversation.channels,
        "tags": conversation.tags,
        "statements": conversation.names.statements.len(),
        "messages": conversation.messages.len(),
        "email": conversation.email.is_some(),
        "interactionId": row.interaction,
        "ledgerEntries": row.rulings.len(),
        "masksComplete": row.masks_complete,
        "lateMasks": row.late_masks.len(),
        "warnings": document.warnings,
    })
}

async fn media_file(
    state: &State,
    document: &RecordingDocument,
    row: &MediaRow,
) -> Result<Value, Problem> {
    let zone = state.mask.time_zone();
    let entry = document.entry(&row.media_id).map(|(_, entry)| entry);
    let time = |of: fn(&MediaEntry) -> Option<WireTime>| {
        entry.and_then(of).map(|time| written(time, zone.as_ref()))
    };
    let job = state.catalog.job_facts(row.asset_id).await?;
    let mut answer = json!({
        "mediaId": row.media_id,
        "assetId": row.asset_id,
        "mediaKind": entry.map(|entry| entry.kind),
        "type": entry.map(|entry| entry.media_type.mime()),
        "startTime": time(|entry| Some(entry.start)),
        "stopTime": time(|entry| entry.stop),
        "masks": entry.map(|entry| entry.masks.len()),
        "node": row.node,
        "state": row.state,
        "reason": row.reason,
        "detail": row.detail,
        "stages": state.catalog.stages(row.asset_id).await?,
        "job": job.as_ref().map(job_shown),
        "receipt": row.receipt.as_ref().map(|_| {
            json!({ "bytes": row.upload_bytes, "sha256": row.upload_sha256 })
        }),
    });
    let outcome = row.outcome.as_deref().map(serde_json::from_str::<Outcome>);
    if let Some(Ok(outcome)) = outcome.filter(|_| row.state.has_outcome()) {
        stored(&mut answer, &outcome);
    }
    Ok(answer)
}

fn job_shown(job: &JobFacts) -> Value {
    json!({
        "attempts": job.attempts,
        "running": job.running,
        "nextTime": job.run_at.map(utc_format),
        "lastError": job.last_error,
    })
}

/// What was stored, where, how it was sealed, and what is silent in it.
fn stored(answer: &mut Value, outcome: &Outcome) {
    put(
        answer,
        "content",
        json!({
            "type": outcome.media_type,
            "bytes": outcome.bytes,
            "sha256": outcome.sha256,
            "durationMs": outcome.duration_ms,
            "fileName": outcome.file_name,
        }),
    );
    put(
        answer,
        "stored",
        json!({
            "key": outcome.stored.key,
            "url": outcome.stored.url,
            "bytes": outcome.stored.bytes,
            "sha256": outcome.stored.sha256,
        }),
    );
    put(
        answer,
        "seal",
        json!({
            "mode": outcome.seal.mode,
            "cipher": outcome.seal.cipher,
            "certAlias": outcome.seal.cert_alias,
            "playback": outcome.seal.playback,
        }),
    );
    put(answer, "certificate", certificate(&outcome.certificate));
}

fn certificate(whole: &Value) -> Value {
    let mut shown = Map::new();
    for name in CERTIFICATE {
        if let Some(value) = whole.get(name).filter(|value| !value.is_null()) {
            shown.insert(name.to_owned(), value.clone());
        }
    }
    let list = |name: &str| whole.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
    let mut silenced = list("silenced");
    shown.insert("silencedCount".to_owned(), silenced.len().into());
    silenced.truncate(MAX_SPANS);
    shown.insert("silenced".to_owned(), silenced.into());
    shown.insert("warnings".to_owned(), list("warnings").into());
    shown.into()
}

fn rendition(row: &RenditionRow) -> Value {
    let outcome = row.outcome.as_deref().map(serde_json::from_str::<Outcome>);
    let outcome = outcome.and_then(Result::ok);
    let state = match row.state {
        RenditionState::Wanted => "wanted",
        RenditionState::Ready => "ready",
        RenditionState::Failed => "failed",
    };
    json!({
        "assetId": row.asset_id,
        "recipe": row.recipe,
        "state": state,
        "reason": row.reason,
        "attempts": row.attempts,
        "bytes": outcome.as_ref().map(|outcome| outcome.bytes),
        "durationMs": outcome.as_ref().map(|outcome| outcome.duration_ms),
    })
}

/// In UTC; a local time of no known zone as it was written.
fn written(time: WireTime, zone: Option<&TimeZone>) -> Value {
    time.resolve(zone).map_or_else(|_| json!(time), |instant| utc_format(instant).into())
}
