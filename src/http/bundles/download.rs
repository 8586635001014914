//! `/media-download/v1`: one ZIP file of the media of many contacts or segments.

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use crate::asset::{AssetId, ContactId, IdError, Outcome, SegmentId, utc_format};
use crate::bundle::{MAX_ENTITIES, MediaRequest, Part, PartStatus};
use crate::catalog::{AuditEntry, BundleKind, BundleRow, BundleState, NewBundle};
use crate::http::cxone::{Parameters, Problem};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::http::{State, auth, body, playback};
use crate::identity::{Permission, Principal};
use crate::play::{Disposition, Listener, Wanted};

/// Longest body, in bytes: as many of the longest ids as may be asked for.
const MAX_BODY_BYTES: usize = 128 * 1024;

/// `POST …/contacts`.
pub(super) async fn contacts(
    Shared(state): Shared<State>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let check = |id: &str| ContactId::parse(id).map(|_| ());
    create(&state, (&uri, &headers), body, (BundleKind::Contacts, check)).await
}

/// `POST …/segments`.
pub(super) async fn segments(
    Shared(state): Shared<State>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let check = |id: &str| SegmentId::parse(id).map(|_| ());
    create(&state, (&uri, &headers), body, (BundleKind::Segments, check)).await
}

async fn create(
    state: &State,
    (uri, headers): (&Uri, &HeaderMap),
    body: Body,
    (kind, check): (BundleKind, impl Fn(&str) -> Result<(), IdError>),
) -> Result<Response, Problem> {
    let principal = caller(state, headers, uri).await.map_err(Problem::coded)?;
    let read = async {
        let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
        entities(&parameters, check)
    };
    let entity_ids = read.await.map_err(Problem::coded)?;
    let detail = json!({ "kind": kind.name(), "entities": entity_ids });
    let request = MediaRequest { entity_ids, any: principal.may(Permission::PlayAny) };
    let request = serde_json::to_string(&request).map_err(|error| Problem::internal(&error))?;
    let asset_id = AssetId::generate();
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "download.create",
        subject: &asset_id.to_string(),
        detail,
        now: state.clock.now(),
    };
    let new = NewBundle { asset_id, kind, request: &request, none_since: None };
    state.catalog.add_bundle(&new, &entry).await.map_err(|error| Problem::from(error).coded())?;
    state.bundle_bell.notify_one();
    Ok((StatusCode::ACCEPTED, Json(json!({ "requestId": asset_id }))).into_response())
}

/// Whoever calls may play something at least, and did not call too often.
async fn caller(state: &State, headers: &HeaderMap, uri: &Uri) -> Result<Principal, Problem> {
    let permissions = [Permission::Play, Permission::PlayAny];
    let principal = auth::require_any(&state.identity, headers, &permissions).await?;
    playback::within_limit(state, &principal, uri)?;
    Ok(principal)
}

/// `entityIds`, each once.
fn entities(
    parameters: &Parameters,
    check: impl Fn(&str) -> Result<(), IdError>,
) -> Result<Vec<String>, Problem> {
    let name = "entityIds";
    let given = parameters.list(name, MAX_ENTITIES)?;
    let mut ids: Vec<String> = Vec::with_capacity(given.len());
    for (index, id) in given.into_iter().enumerate() {
        let fault = |error| Problem::parameter(&format!("{name}[{index}]"), error);
        check(id).map_err(fault)?;
        if !ids.iter().any(|known| known == id) {
            ids.push(id.to_owned());
        }
    }
    if ids.is_empty() {
        return Err(Problem::parameter(name, "must name at least one"));
    }
    Ok(ids)
}

/// `GET …/status/{requestId}`.
pub(super) async fn status(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Json<Value>, Problem> {
    let shown = async {
        let principal = caller(&state, &headers, &uri).await?;
        let unknown = || Problem::not_found("request");
        let id = AssetId::parse(&id).ok_or_else(unknown)?;
        let row = state.catalog.bundle(&principal.tenant, id).await?;
        let row = row.filter(|row| {
            let own = row.requested_by == principal.name || principal.may(Permission::PlayAny);
            own && row.kind != BundleKind::Metadata && row.state != BundleState::Expired
        });
        let row = row.ok_or_else(unknown)?;
        let listener = Listener { tenant: &principal.tenant, name: &principal.name, address };
        let life_s = state.links.settings.link_life_s;
        let location = location(&state, listener, &row, life_s).await?;
        view(&row, location)
    };
    shown.await.map(Json).map_err(Problem::coded)
}

/// A link to a bundle that is there.
pub(super) async fn location(
    state: &State,
    listener: Listener<'_>,
    row: &BundleRow,
    life_s: u64,
) -> Result<Option<String>, Problem> {
    let ready = row.outcome.as_deref().filter(|_| row.state == BundleState::Ready);
    let Some(outcome) = ready else { return Ok(None) };
    let outcome: Outcome =
        serde_json::from_str(outcome).map_err(|error| Problem::internal(&error))?;
    let disposition = Disposition::Attachment;
    let wanted = Wanted { asset: row.asset_id, outcome: &outcome, disposition, life_s };
    let subject = row.asset_id.to_string();
    let made = state.links.issue(listener, &subject, &[wanted]).await?;
    Ok(made.into_iter().next().map(|link| link.url))
}

fn view(row: &BundleRow, location: Option<String>) -> Result<Value, Problem> {
    let bad = |error: serde_json::Error| Problem::internal(&error);
    let parts: Vec<Part> = match &row.parts {
        Some(parts) => serde_json::from_str(parts).map_err(bad)?,
        None => {
            let request: MediaRequest = serde_json::from_str(&row.request).map_err(bad)?;
            let failed = row.state == BundleState::Failed;
            let status = if failed { PartStatus::Failed } else { PartStatus::Pending };
            let failure_reason = row.reason.as_ref().filter(|_| failed);
            let part =
                |entity_id| Part { entity_id, status, failure_reason: failure_reason.cloned() };
            request.entity_ids.into_iter().map(part).collect()
        }
    };
    let status = match row.state {
        BundleState::Wanted if row.begun => "IN_PROGRESS",
        BundleState::Wanted => "PENDING",
        BundleState::Ready => "COMPLETED",
        BundleState::Failed | BundleState::Expired => "FAILED",
    };
    let mut shown = json!({
        "requestId": row.asset_id, "status": status, "entities": parts,
        "createdAt": utc_format(row.created), "updatedAt": utc_format(row.updated),
    });
    if let (Some(shown), Some(location)) = (shown.as_object_mut(), location) {
        shown.insert("downloadLocation".to_owned(), location.into());
    }
    Ok(shown)
}
