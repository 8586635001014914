//! Signed links: `GET` and `HEAD` of one asset (`docs/api.md`).

use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::problem::Problem;
use crate::asset::{MediaType, Outcome};
use crate::http::State;
use crate::http::peer::Address;
use crate::play::{Disposition, Heard, Selected, select};

pub(super) async fn serve(
    Shared(state): Shared<State>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    Address(address): Address,
) -> Result<Response, Problem> {
    let link = uri.path_and_query().map_or("", |link| link.as_str());
    let grant = state.links.keys.verify(link, address, state.clock.now())?;
    if method != Method::GET && method != Method::HEAD {
        let allow = [(ALLOW, "GET, HEAD")];
        return Ok((StatusCode::METHOD_NOT_ALLOWED, allow, Problem::Method).into_response());
    }
    let (tenant, playable) = state.player.follow(&grant).await?;
    let outcome = &playable.outcome;
    let etag = format!("\"{}\"", outcome.sha256);
    let selected = match range_header(&headers, &etag) {
        // RFC 9110 section 14.2: Range is defined for GET only.
        Some(range) if method == Method::GET => select(Some(range), outcome.bytes),
        _ => Selected::Whole,
    };
    let (status, from, to) = match selected {
        Selected::Whole => (StatusCode::OK, 0, outcome.bytes),
        Selected::Part { from, to } => (StatusCode::PARTIAL_CONTENT, from, to),
        Selected::Unsatisfiable => {
            let range = content_range(&format!("*/{}", outcome.bytes));
            return Ok(([(CONTENT_RANGE, range)], Problem::Range).into_response());
        }
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let heard = Heard {
            tenant,
            asset: grant.target.asset,
            link: grant.tag,
            address,
            of_bytes: outcome.bytes,
            of_ms: outcome.duration_ms,
        };
        Body::from_stream(state.listening.metered(heard, from, playable.bytes(from, to)))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let out = response.headers_mut();
    describe(out, outcome, grant.target.disposition, &etag);
    out.insert(CONTENT_TYPE, HeaderValue::from_static(mime(outcome, &state)));
    out.insert(CONTENT_LENGTH, HeaderValue::from(to.saturating_sub(from)));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = to.saturating_sub(1);
        out.insert(CONTENT_RANGE, content_range(&format!("{from}-{last}/{}", outcome.bytes)));
    }
    Ok(response)
}

/// The `Range` header, unless `If-Range` names another version (RFC 9110 section 13.1.5).
fn range_header<'h>(headers: &'h HeaderMap, etag: &str) -> Option<&'h str> {
    let range = headers.get(RANGE)?.to_str().ok()?;
    match headers.get(IF_RANGE) {
        None => Some(range),
        Some(condition) => (condition.as_bytes() == etag.as_bytes()).then_some(range),
    }
}

fn content_range(text: &str) -> HeaderValue {
    HeaderValue::try_from(format!("bytes {text}"))
        .unwrap_or_else(|_| HeaderValue::from_static("bytes */*"))
}

/// The type of a file for a listener. A rendition without a picture is called what most players
/// know.
fn mime(outcome: &Outcome, state: &State) -> &'static str {
    match MediaType::from_mime(&outcome.media_type) {
        Some(MediaType::M4a)
            if outcome.file_name.ends_with(".mp4") && !state.links.settings.audio_mp4 =>
        {
            MediaType::Mp4.http_mime()
        }
        Some(media_type) => media_type.http_mime(),
        None => match outcome.media_type.as_str() {
            "application/zip" => "application/zip",
            "text/csv" => "text/csv; charset=utf-8",
            _ => "application/octet-stream",
        },
    }
}

fn describe(out: &mut HeaderMap, outcome: &Outcome, disposition: Disposition, etag: &str) {
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        out.insert(ETAG, etag);
    }
    // Only the plain form: known clients split at the quotes.
    let plain = |c: char| if (' '..='~').contains(&c) && c != '"' && c != '\\' { c } else { '_' };
    let name: String = outcome.file_name.chars().map(plain).collect();
    let text = format!("{}; filename=\"{name}\"", disposition.name());
    if let Ok(value) = HeaderValue::try_from(text) {
        out.insert(CONTENT_DISPOSITION, value);
    }
}
