//! `record/archive/`: all files of a period as one ZIP file, whose link is mailed.

use std::net::IpAddr;

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::header::{CONTENT_DISPOSITION, CONTENT_RANGE};
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use serde_json::{Map, Value, json};

use super::caller::Caller;
use super::list::json_of;
use super::problem::Problem;
use crate::asset::{AssetId, Digest, Outcome, gmt_seconds};
use crate::bundle::{ARCHIVE_LETTER, RecordsRequest};
use crate::catalog::{
    AuditEntry, BundleKind, BundleRow, BundleState, CallFilter, CallScope, DeliveryState, Queued,
};
use crate::http::media_file::{self, Answer, Given};
use crate::http::{State, body};
use crate::mail::{Language, parse_address};
use crate::pbx::Interval;
use crate::play::{ARCHIVE_PATH, LinkOwner};

/// Longest body, in bytes.
const MAX_BODY_BYTES: usize = 4 * 1024;
/// Characters of a token's digest that name its link in the audit trail.
const TAG_CHARS: usize = 12;

/// `POST record/archive/`.
pub(super) async fn create(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    (headers, body): (&HeaderMap, Body),
) -> Result<Response, Problem> {
    let asked = asked(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let settings = &state.pipeline.call_records.settings;
    let text = |name: &str| match asked.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(text)) => Ok(Some(text.trim())),
        Some(_) => Err(Problem::parameter(name, "is not a text")),
    };
    let (start, end) = (text("start_datetime")?, text("end_datetime")?);
    let bounds = (start.as_slice(), end.as_slice());
    let Interval { from, to } = Interval::parse(bounds.0, bounds.1, settings.interval_limit)?;
    let letter_to = text("email")?.map(str::to_owned);
    if let Some(address) = &letter_to {
        parse_address(address).map_err(|fault| Problem::parameter("email", fault))?;
    }
    let language = match text("language")? {
        None => preferred(headers),
        Some("en") => Language::En,
        Some("ru") => Language::Ru,
        Some(_) => return Err(Problem::parameter("language", "must be en or ru")),
    };
    let tenant = caller.principal.tenant.clone();
    let filter = CallFilter { tenant, scope, from, to, min_duration_s: 0 };
    within_limits(state, &filter).await?;
    let request = RecordsRequest { filter, letter_to, language };
    let request = serde_json::to_string(&request).map_err(|error| Problem::internal(&error))?;
    let asset = AssetId::generate();
    let entry = AuditEntry {
        tenant: &caller.principal.tenant,
        actor: &caller.principal.name,
        action: "record.archive",
        subject: &asset.to_string(),
        detail: json!({ "from": from, "to": to }),
        now: state.clock.now(),
    };
    let most = settings.archive_queue;
    let id = match state.catalog.queue_records(asset, &request, most, &entry).await? {
        Queued::New => asset,
        Queued::Same(known) => known,
        Queued::Full => {
            let message = format!("{most} archives are waiting already");
            return Err(Problem::new(StatusCode::CONFLICT, "archive_queue_full", message));
        }
    };
    state.bundle_bell.notify_one();
    let mut response = json_of(Body::from(json!({ "id": id, "status": "queued" }).to_string()));
    *response.status_mut() = StatusCode::CREATED;
    Ok(response)
}

/// The body, a JSON object.
fn asked(read: &[u8]) -> Result<Map<String, Value>, Problem> {
    let bad = |message: String| Problem::new(StatusCode::BAD_REQUEST, "invalid_body", message);
    match serde_json::from_slice(read) {
        Ok(Value::Object(map)) => Ok(map),
        Ok(_) => Err(bad("the body is no JSON object".to_owned())),
        // The position alone: the text of the error could repeat what was sent.
        Err(error) => Err(bad(format!("the body is no JSON (line {})", error.line()))),
    }
}

async fn within_limits(state: &State, filter: &CallFilter) -> Result<(), Problem> {
    let settings = &state.pipeline.call_records.settings;
    let totals = state.catalog.call_totals(filter).await?;
    let (bytes, records) = (settings.archive_max_bytes, u64::from(settings.max_records));
    if totals.bytes <= bytes && totals.count <= records {
        return Ok(());
    }
    let message = format!(
        "the period holds {} records of {} bytes; the limit is {records} records of {bytes} bytes",
        totals.count, totals.bytes
    );
    Err(Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "archive_too_large", message))
}

/// Russian where it stands before English (RFC 9110 section 12.5.4, without weights).
fn preferred(headers: &HeaderMap) -> Language {
    let accept = headers.get(http::header::ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok());
    let languages = accept.unwrap_or_default().split(',').map(str::trim);
    let known = languages.filter(|name| name.starts_with("ru") || name.starts_with("en"));
    match known.map(|name| name.starts_with("ru")).next() {
        Some(true) => Language::Ru,
        _ => Language::En,
    }
}

/// `GET record/archive/{id}/`: how far it is.
pub(super) async fn progress(
    state: &State,
    caller: &Caller,
    scope: CallScope,
    id: &str,
) -> Result<Response, Problem> {
    let tenant = &caller.principal.tenant;
    let id = AssetId::parse(id).ok_or_else(Problem::not_found)?;
    let row = state.catalog.bundle(tenant, id).await?;
    let row = row.filter(|row| row.kind == BundleKind::Records);
    let row = row.ok_or_else(Problem::not_found)?;
    let request: RecordsRequest =
        serde_json::from_str(&row.request).map_err(|error| Problem::internal(&error))?;
    if scope != CallScope::Client && scope != request.filter.scope {
        return Err(Problem::not_found());
    }
    let over = is_over(state, &row).await?;
    let status = match row.state {
        BundleState::Wanted if row.begun => "running",
        BundleState::Wanted => "queued",
        BundleState::Failed => "failed",
        BundleState::Ready if !over => "ready",
        BundleState::Ready | BundleState::Expired => "expired",
    };
    let mut shown = json!({
        "id": id, "status": status,
        "start_datetime": gmt_seconds(request.filter.from),
        "end_datetime": gmt_seconds(request.filter.to),
        "created_gmt": gmt_seconds(row.created),
    });
    let mut put = |name: &str, value: Value| {
        if let Some(shown) = shown.as_object_mut() {
            shown.insert(name.to_owned(), value);
        }
    };
    if status == "failed" {
        put("message", row.reason.clone().into());
    }
    if status == "ready" {
        let outcome: Option<Outcome> =
            row.outcome.as_deref().and_then(|text| serde_json::from_str(text).ok());
        put("bytes", outcome.map(|outcome| outcome.bytes).into());
        put("expires_gmt", row.expires.map(gmt_seconds).into());
        let name = caller.principal.name.as_str();
        let token = state.links.storage_token(LinkOwner { tenant, name, asset: id }).await?;
        put("url", format!("{}{ARCHIVE_PATH}{token}", state.public_url).into());
    }
    if request.letter_to.is_some() {
        put("mail", letter_state(state, &row).await?.into());
    }
    Ok(json_of(Body::from(shown.to_string())))
}

/// How far the letter is.
async fn letter_state(state: &State, row: &BundleRow) -> Result<&'static str, Problem> {
    let letter = state.catalog.delivery_state(&row.tenant, row.asset_id, ARCHIVE_LETTER).await?;
    Ok(match letter {
        None => "waiting",
        Some(DeliveryState::Pending) => "queued",
        Some(DeliveryState::Doubtful) => "doubtful",
        Some(DeliveryState::Delivered) => "sent",
        Some(DeliveryState::Dead) => "failed",
    })
}

/// Whether the time of an archive is over, or something in it was taken back.
async fn is_over(state: &State, row: &BundleRow) -> Result<bool, Problem> {
    let now = state.clock.now();
    if row.state != BundleState::Ready || row.expires.is_none_or(|expires| now >= expires) {
        return Ok(true);
    }
    let held = state.catalog.held_asset(row.asset_id).await?;
    Ok(held.is_none_or(|held| held.revoked_before.is_some_and(|before| before >= row.updated)))
}

/// `GET /archive/{token}`: no credentials are asked for.
pub(super) async fn follow(
    state: &State,
    token: &str,
    address: IpAddr,
    (method, headers): (&Method, &HeaderMap),
) -> Result<Response, Problem> {
    let link = state.links.storage_link(token).await?.ok_or_else(Problem::not_found)?;
    let gone = || Problem::new(StatusCode::GONE, "archive_expired", "the archive is gone");
    let row = state.catalog.bundle(&link.tenant, link.asset_id).await?;
    let row = row.filter(|row| row.kind == BundleKind::Records).ok_or_else(Problem::not_found)?;
    if link.revoked || is_over(state, &row).await? {
        return Err(gone());
    }
    let playable = state.player.open(row.asset_id).await?.unshelved();
    let tag = Digest::of(token.as_bytes()).to_string();
    let given = Given {
        tenant: row.tenant,
        asset: row.asset_id,
        playable: &playable,
        mime: "application/zip",
        link: format!("archive:{}", tag.get(..TAG_CHARS).unwrap_or_default()),
        address,
    };
    match media_file::answer(&state.listening, method, headers, given) {
        Answer::OutOfRange(range) => {
            let code = StatusCode::RANGE_NOT_SATISFIABLE;
            let problem = Problem::new(code, "range", "no byte of the range exists");
            Ok(([(CONTENT_RANGE, range)], problem).into_response())
        }
        Answer::File(mut response) => {
            let name = format!("attachment; filename=\"{}\"", playable.outcome.file_name);
            if let Ok(name) = HeaderValue::try_from(name) {
                response.headers_mut().insert(CONTENT_DISPOSITION, name);
            }
            Ok(response)
        }
    }
}
