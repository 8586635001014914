//! `/archive-retrieval/v1/jobs`: recordings are brought back from the archive for a time
//! (`docs/archive.md`).

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::{HeaderMap, StatusCode};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::cxone::{Parameters, Problem, dressed, instant};
use super::path::Names;
use super::{State, auth, body};
use crate::asset::{ContactId, SegmentId, utc_format};
use crate::catalog::{
    AuditEntry, NewRetrieval, RetrievalAdded, RetrievalFilter, RetrievalItem, RetrievalRow, Tier,
};
use crate::identity::{Permission, Principal};

/// Longest body in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Most segments or contacts that a job may name.
const MAX_NAMED: usize = 1000;
/// Most recordings that a job may bring back.
const MAX_RECORDINGS: usize = 10_000;
/// Longest stay, in days.
const MAX_DAYS: i64 = 366;
/// Longest name in bytes.
const MAX_NAME_BYTES: usize = 200;

pub(super) fn routes() -> Router<State> {
    let mut router = Router::new();
    for version in ["", "/v1"] {
        let jobs = format!("/archive-retrieval{version}/jobs");
        router = router
            .route(&jobs, get(list).post(create))
            .route(&format!("{jobs}/{{id}}"), get(show).delete(cancel));
    }
    dressed(router)
}

async fn caller(state: &State, headers: &HeaderMap) -> Result<Principal, Problem> {
    Ok(auth::require(&state.identity, headers, Permission::ArchiveRetrieve).await?)
}

async fn create(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = caller(&state, &headers).await?;
    let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let now = state.clock.now();
    let until = instant("returnDate", parameters.required("returnDate")?, true)?;
    let longest = now.checked_add(SignedDuration::from_hours(MAX_DAYS.saturating_mul(24)));
    if until <= now || longest.is_ok_and(|longest| until > longest) {
        let fault = format!("must be in the future, and at most {MAX_DAYS} days from now");
        return Err(Problem::parameter("returnDate", fault));
    }
    let filter = filter(&parameters)?;
    let id = uuid::Uuid::new_v4().to_string();
    let name = parameters.text("name")?.unwrap_or(&id);
    if name.len() > MAX_NAME_BYTES {
        let fault = format!("is longer than the limit of {MAX_NAME_BYTES} bytes");
        return Err(Problem::parameter("name", fault));
    }
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "archive.retrieve",
        subject: &id,
        detail: json!({ "name": name, "until": until, "filter": told(&filter) }),
        now,
    };
    let new = NewRetrieval { id: &id, name, filter: &filter, until, limit: MAX_RECORDINGS };
    match state.catalog.add_retrieval(&new, &entry).await? {
        RetrievalAdded::Added(_) => {}
        RetrievalAdded::Nothing => return Err(Problem::not_found("recording in the archive")),
        RetrievalAdded::TooMany => {
            let message = format!("more than the limit of {MAX_RECORDINGS} recordings are meant");
            return Err(Problem::new(StatusCode::BAD_REQUEST, "TOO_MANY", message));
        }
    }
    state.archive_bell.notify_one();
    let row = state.catalog.retrieval(&principal.tenant, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("job"))?;
    let shown = whole(&state, &principal, &row).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

fn filter(parameters: &Parameters) -> Result<RetrievalFilter, Problem> {
    let named = parameters.has("segmentIds");
    if named == parameters.has("filter") {
        return Err(Problem::body("exactly one of segmentIds and filter is needed"));
    }
    let ids = |from: &Parameters, name: &str, good: &dyn Fn(&str) -> Result<(), String>| {
        let given = from.list(name, MAX_NAMED)?;
        for (index, id) in given.iter().enumerate() {
            good(id).map_err(|fault| Problem::parameter(&format!("{name}[{index}]"), fault))?;
        }
        if given.is_empty() {
            return Err(Problem::parameter(name, "must name at least one"));
        }
        Ok(given.into_iter().map(str::to_owned).collect::<Vec<_>>())
    };
    let segment = |id: &str| SegmentId::parse(id).map(|_| ()).map_err(|error| error.to_string());
    let contact = |id: &str| ContactId::parse(id).map(|_| ()).map_err(|error| error.to_string());
    let mut filter = RetrievalFilter::default();
    if named {
        filter.segments = ids(parameters, "segmentIds", &segment)?;
        return Ok(filter);
    }
    let inner = parameters.object("filter")?;
    if inner.has("segmentIds") {
        filter.segments = ids(&inner, "segmentIds", &segment)?;
    }
    if inner.has("contactIds") {
        filter.contacts = ids(&inner, "contactIds", &contact)?;
    }
    filter.between = match (inner.text("startDate")?, inner.text("endDate")?) {
        (None, None) => None,
        (Some(from), Some(until)) => {
            let from = instant("filter.startDate", from, false)?;
            let until = instant("filter.endDate", until, true)?;
            if until <= from {
                return Err(Problem::parameter("filter.endDate", "is before filter.startDate"));
            }
            Some((from, until))
        }
        _ => return Err(Problem::body("filter.startDate and filter.endDate go together")),
    };
    filter.ani = inner.text("ani")?.map(str::to_owned);
    filter.dnis = inner.text("dnis")?.map(str::to_owned);
    let empty = filter.segments.is_empty()
        && filter.contacts.is_empty()
        && filter.between.is_none()
        && filter.ani.is_none()
        && filter.dnis.is_none();
    if empty {
        return Err(Problem::parameter("filter", "must narrow something"));
    }
    Ok(filter)
}

/// A filter for the audit trail.
fn told(filter: &RetrievalFilter) -> Value {
    json!({
        "segmentIds": filter.segments, "contactIds": filter.contacts,
        "between": filter.between, "ani": filter.ani, "dnis": filter.dnis,
    })
}

async fn list(Shared(state): Shared<State>, headers: HeaderMap) -> Result<Json<Value>, Problem> {
    let principal = caller(&state, &headers).await?;
    let rows = state.catalog.retrievals(&principal.tenant).await?;
    let mut jobs = Vec::with_capacity(rows.len());
    for row in &rows {
        let items = state.catalog.retrieval_items(&principal.tenant, &row.id).await?;
        jobs.push(view(row, &items, state.clock.now()));
    }
    Ok(Json(json!({ "jobs": jobs })))
}

async fn show(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&state, &headers).await?;
    let row = state.catalog.retrieval(&principal.tenant, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("job"))?;
    Ok(Json(whole(&state, &principal, &row).await?))
}

async fn cancel(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = caller(&state, &headers).await?;
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "archive.cancel",
        subject: &id,
        detail: json!({}),
        now: state.clock.now(),
    };
    if !state.catalog.cancel_retrieval(&id, &entry).await? {
        return Err(Problem::not_found("job"));
    }
    state.archive_bell.notify_one();
    let row = state.catalog.retrieval(&principal.tenant, &id).await?;
    let row = row.ok_or_else(|| Problem::not_found("job"))?;
    Ok(Json(whole(&state, &principal, &row).await?))
}

/// A job with each of its segments.
async fn whole(state: &State, principal: &Principal, row: &RetrievalRow) -> Result<Value, Problem> {
    let items = state.catalog.retrieval_items(&principal.tenant, &row.id).await?;
    let mut shown = view(row, &items, state.clock.now());
    let segment = |item: &RetrievalItem| {
        // Why a move waits may name addresses of the inside.
        let failed = item_status(item) == "FAILED";
        json!({
            "segmentId": item.segment, "status": item_status(item), "bytes": item.bytes,
            "failureReason": item.error.as_ref().filter(|_| failed),
        })
    };
    if let Some(shown) = shown.as_object_mut() {
        shown.insert("segments".to_owned(), items.iter().map(segment).collect());
    }
    Ok(shown)
}

const fn item_status(item: &RetrievalItem) -> &'static str {
    match item.tier {
        Tier::Restoring => "RUNNING",
        Tier::Returned | Tier::Active | Tier::Archiving => "SUCCEEDED",
        Tier::Archived | Tier::Clearing if item.error.is_some() => "FAILED",
        Tier::Archived | Tier::Clearing => "EXPIRED",
    }
}

fn view(row: &RetrievalRow, items: &[RetrievalItem], now: Timestamp) -> Value {
    let count = |status: &str| items.iter().filter(|item| item_status(item) == status).count();
    let status = if row.cancelled {
        "CANCELLED"
    } else if count("RUNNING") > 0 {
        "RUNNING"
    } else if count("SUCCEEDED") > 0 && row.until > now {
        "SUCCEEDED"
    } else if !items.is_empty() && count("FAILED") == items.len() {
        "FAILED"
    } else {
        "EXPIRED"
    };
    let bytes: u64 = items.iter().map(|item| item.bytes).sum();
    json!({
        "jobId": row.id, "name": row.name, "status": status,
        "requestedBy": row.requested_by, "createdDate": utc_format(row.created),
        "returnDate": utc_format(row.until),
        "counts": {
            "segments": items.len(), "running": count("RUNNING"),
            "succeeded": count("SUCCEEDED"), "failed": count("FAILED"),
        },
        "cost": {
            "bytes": bytes,
            "note": "as many bytes are read from the archive, and held in both stores until returnDate",
        },
    })
}
