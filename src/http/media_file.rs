//! A file of media as an answer: whole or in ranges, for `GET` and `HEAD` (RFC 9110).

use std::net::IpAddr;

use axum::body::Body;
use axum::response::Response;
use http::header::{
    ACCEPT_RANGES, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG, IF_RANGE,
    RANGE, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, Method, StatusCode};

use crate::asset::{AssetId, TenantId};
use crate::play::{Heard, Listening, Playable, Selected, select};

/// What is given out, to whom.
pub(super) struct Given<'g> {
    /// Whose.
    pub(super) tenant: TenantId,
    /// The asset or rendition.
    pub(super) asset: AssetId,
    /// Its bytes.
    pub(super) playable: &'g Playable,
    /// Its type for the listener.
    pub(super) mime: &'static str,
    /// What names the listener in the audit trail.
    pub(super) link: String,
    /// From where it is asked for.
    pub(super) address: IpAddr,
}

/// The answer, without a name for the file.
pub(super) enum Answer {
    /// All of it, or a part.
    File(Response),
    /// No byte of the range exists; the value is for `Content-Range`.
    OutOfRange(HeaderValue),
}

/// Answers a request for a file.
pub(super) fn answer(
    listening: &Listening,
    method: &Method,
    headers: &HeaderMap,
    given: Given<'_>,
) -> Answer {
    let outcome = &given.playable.outcome;
    let etag = format!("\"{}\"", outcome.sha256);
    let selected = match range_header(headers, &etag) {
        // RFC 9110 section 14.2: Range is defined for GET only.
        Some(range) if method == Method::GET => select(Some(range), outcome.bytes),
        _ => Selected::Whole,
    };
    let (status, from, to) = match selected {
        Selected::Whole => (StatusCode::OK, 0, outcome.bytes),
        Selected::Part { from, to } => (StatusCode::PARTIAL_CONTENT, from, to),
        Selected::Unsatisfiable => {
            return Answer::OutOfRange(content_range(&format!("*/{}", outcome.bytes)));
        }
    };
    let body = if method == Method::HEAD {
        Body::empty()
    } else {
        let heard = Heard {
            tenant: given.tenant,
            asset: given.asset,
            link: given.link,
            address: given.address,
            of_bytes: outcome.bytes,
            of_ms: outcome.duration_ms,
        };
        Body::from_stream(listening.metered(heard, from, given.playable.bytes(from, to)))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    let out = response.headers_mut();
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    out.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
    if let Ok(etag) = HeaderValue::try_from(etag) {
        out.insert(ETAG, etag);
    }
    out.insert(CONTENT_TYPE, HeaderValue::from_static(given.mime));
    out.insert(CONTENT_LENGTH, HeaderValue::from(to.saturating_sub(from)));
    if status == StatusCode::PARTIAL_CONTENT {
        let last = to.saturating_sub(1);
        out.insert(CONTENT_RANGE, content_range(&format!("{from}-{last}/{}", outcome.bytes)));
    }
    Answer::File(response)
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
