//! `/data-extraction/v1/jobs`: one CSV file about the recordings of some days.

use axum::Json;
use axum::body::Body;
use axum::extract::{OriginalUri, State as Shared};
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::download::location;
use crate::asset::AssetId;
use crate::bundle::MetadataRequest;
use crate::catalog::{AuditEntry, BundleKind, BundleRow, BundleState, NewBundle};
use crate::http::cxone::{MAX_BODY_BYTES, Parameters, Problem, instant};
use crate::http::path::Names;
use crate::http::peer::Address;
use crate::http::{State, auth, body};
use crate::identity::{Permission, Principal};
use crate::play::Listener;

/// The one entity that can be extracted.
const ENTITY: &str = "recording-interaction-metadata";
/// The latest version of it that clients ask for; all have the same columns here.
const LATEST_VERSION: u32 = 10;
/// Longest stretch of time, in days.
const MAX_DAYS: i64 = 366;

/// `POST …/jobs`: the id of the job as a bare JSON text.
pub(super) async fn create(
    Shared(state): Shared<State>,
    OriginalUri(uri): OriginalUri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = caller(&state, &headers).await?;
    let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let request = wanted(&parameters)?;
    let now = state.clock.now();
    let text = serde_json::to_string(&request).map_err(|error| Problem::internal(&error))?;
    let asset_id = AssetId::generate();
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "extraction.create",
        subject: &asset_id.to_string(),
        detail: json!({ "from": request.from, "until": request.until }),
        now,
    };
    let spacing = i64::try_from(state.bundles.extraction_spacing_s).unwrap_or(i64::MAX);
    let since = now.checked_sub(SignedDuration::from_secs(spacing)).unwrap_or(Timestamp::MIN);
    let kind = BundleKind::Metadata;
    let new = NewBundle { asset_id, kind, request: &text, none_since: Some(since) };
    if !state.catalog.add_bundle(&new, &entry).await? {
        return Err(too_soon(&state, &principal, &uri).await);
    }
    state.bundle_bell.notify_one();
    Ok((StatusCode::ACCEPTED, Json(asset_id)).into_response())
}

async fn caller(state: &State, headers: &HeaderMap) -> Result<Principal, Problem> {
    Ok(auth::require(&state.identity, headers, Permission::MetadataExtract).await?)
}

/// The refusal of a job that comes too near to another.
async fn too_soon(state: &State, principal: &Principal, uri: &Uri) -> Problem {
    let spacing = state.bundles.extraction_spacing_s;
    let now = state.clock.now();
    let last = state.catalog.bundles(&principal.tenant, BundleKind::Metadata).await;
    let last = last.ok().and_then(|rows| rows.first().map(|row| row.created));
    let passed = last.map_or(0, |last| now.duration_since(last).as_secs());
    let left = spacing.saturating_sub(u64::try_from(passed).unwrap_or(0)).max(1);
    let message = format!(
        "a job may be made every {spacing} seconds, and not while somebody else's is running"
    );
    let status = StatusCode::from_u16(state.bundles.extraction_too_soon)
        .unwrap_or(StatusCode::TOO_MANY_REQUESTS);
    let problem = Problem::new(status, "THROTTLED", message);
    problem.with("route", uri.path()).retry_after(left)
}

fn wanted(parameters: &Parameters) -> Result<MetadataRequest, Problem> {
    if parameters.required("entityName")? != ENTITY {
        return Err(Problem::parameter("entityName", format!("must be {ENTITY}")));
    }
    // Clients send it as a text or as a number.
    let version = parameters.number("version")?.unwrap_or(u64::from(LATEST_VERSION));
    if !(1..=u64::from(LATEST_VERSION)).contains(&version) {
        return Err(Problem::parameter("version", format!("must be 1 to {LATEST_VERSION}")));
    }
    let from = instant("startDate", parameters.required("startDate")?, false)?;
    let until = instant("endDate", parameters.required("endDate")?, true)?;
    if until <= from {
        return Err(Problem::parameter("endDate", "is before startDate"));
    }
    if until.duration_since(from) > SignedDuration::from_hours(MAX_DAYS.saturating_mul(24)) {
        let fault = format!("is more than {MAX_DAYS} days after startDate");
        return Err(Problem::parameter("endDate", fault));
    }
    Ok(MetadataRequest { from, until })
}

/// `GET …/jobs`: the latest ones.
pub(super) async fn list(
    Shared(state): Shared<State>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&state, &headers).await?;
    let rows = state.catalog.bundles(&principal.tenant, BundleKind::Metadata).await?;
    let job = |row: &BundleRow| json!({ "id": row.asset_id, "status": status(row) });
    let jobs: Vec<Value> = rows.iter().map(job).collect();
    Ok(Json(json!({ "jobs": jobs })))
}

/// `GET …/jobs/{id}`: with a link that must be followed soon.
pub(super) async fn show(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&state, &headers).await?;
    let unknown = || Problem::not_found("job");
    let id = AssetId::parse(&id).ok_or_else(unknown)?;
    let row = state.catalog.bundle(&principal.tenant, id).await?;
    let row = row.filter(|row| row.kind == BundleKind::Metadata).ok_or_else(unknown)?;
    let listener = Listener { tenant: &principal.tenant, name: &principal.name, address };
    let url = location(&state, listener, &row, state.bundles.extraction_link_s).await?;
    let mut result = serde_json::Map::new();
    if let Some(url) = url {
        result.insert("url".to_owned(), url.into());
    }
    if row.state == BundleState::Failed {
        result.insert("errorMessage".to_owned(), row.reason.clone().into());
    }
    let shown = json!({ "id": row.asset_id, "status": status(&row), "result": result });
    Ok(Json(json!({ "jobStatus": shown })))
}

const fn status(row: &BundleRow) -> &'static str {
    match row.state {
        BundleState::Wanted => "RUNNING",
        BundleState::Ready => "SUCCEEDED",
        BundleState::Failed => "FAILED",
        BundleState::Expired => "EXPIRED",
    }
}
