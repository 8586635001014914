//! Signed links: `GET` and `HEAD` of one asset (`docs/api.md`).

mod problem;

use axum::Router;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use http::header::{
    ACCEPT_RANGES, ALLOW, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE,
    CONTENT_TYPE, ETAG, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode, Uri};

use super::State;
use crate::asset::{MediaType, Outcome};
use crate::play::{Disposition, LINK_PATH, Selected, select};
use problem::Problem;

pub(super) fn routes() -> Router<State> {
    Router::new().route("/media/v1/{*rest}", any(serve)).route("/media/{*rest}", any(serve))
}

/// A path that no dialect knows. One that carries a signature is an altered link.
pub(super) fn unknown_path(uri: &Uri) -> Problem {
    let altered = uri.path().starts_with(LINK_PATH.trim_end_matches('/'))
        || uri.query().is_some_and(|query| query.contains("signature="));
    if altered { Problem::Altered } else { Problem::UnknownPath }
}

/// A method that a path of no other dialect serves.
pub(super) fn unknown_method() -> Problem {
    Problem::Method
}

async fn serve(
    Shared(state): Shared<State>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let link = uri.path_and_query().map_or("", |link| link.as_str());
    let target = state.links.verify(link, state.clock.now())?;
    if method != Method::GET && method != Method::HEAD {
        let allow = [(ALLOW, "GET, HEAD")];
        return Ok((StatusCode::METHOD_NOT_ALLOWED, allow, Problem::Method).into_response());
    }
    let playable = state.player.open(target.asset).await?;
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
        Body::from_stream(playable.bytes(from, to))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let out = response.headers_mut();
    describe(out, outcome, target.disposition, &etag);
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

fn describe(out: &mut HeaderMap, outcome: &Outcome, disposition: Disposition, etag: &str) {
    let media_type = MediaType::from_mime(&outcome.media_type);
    let mime = media_type.map_or("application/octet-stream", MediaType::http_mime);
    out.insert(CONTENT_TYPE, HeaderValue::from_static(mime));
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
