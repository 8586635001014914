//! CXone's interfaces: signing in, discovery, access keys (`docs/api.md`).
//!
//! Their clients parse an answer before they look at its status, so every answer is JSON. Each path
//! is served with and without its version.

mod access_keys;
mod dates;
mod discovery;
mod parameters;
mod problem;
mod query;
mod token;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{any, get, post};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue};
use tower_http::catch_panic::CatchPanicLayer;

pub(in crate::http) use self::dates::instant;
pub(in crate::http) use self::parameters::{MAX_BODY_BYTES, Parameters};
pub(in crate::http) use self::problem::{Problem, http_status};
pub(in crate::http) use self::query::Query;
use super::State;

pub use discovery::Discovery;

/// Header by which a caller tells its own requests apart; it comes back.
const CORRELATION_ID: HeaderName = HeaderName::from_static("correlationid");
/// Longest one that comes back, in bytes.
const MAX_CORRELATION_ID_BYTES: usize = 200;
/// First steps of the paths of this dialect.
const FIRST_STEPS: [&str; 10] = [
    ".well-known",
    "access-key-management",
    "admin",
    "archive-retrieval",
    "auth",
    "authentication",
    "data-extraction",
    "interaction-recording-management-service",
    "media-download",
    "media-playback",
];

pub(super) fn routes() -> Router<State> {
    let mut router = Router::new()
        .route("/auth/token", post(token::form))
        .route("/auth/jwks", get(discovery::jwks))
        .route("/auth/authorize", any(token::authorize))
        .route("/auth/logout", any(token::logout))
        .route("/.well-known/openid-configuration", get(discovery::openid))
        .route("/auth/.well-known/openid-configuration", get(discovery::openid))
        .route("/.well-known/cxone-configuration", get(discovery::cxone));
    for version in ["", "/v1"] {
        let keys = format!("/access-key-management{version}/access-keys");
        let one = get(access_keys::show).patch(access_keys::change).delete(access_keys::remove);
        router = router
            .route(&format!("/authentication{version}/token/access-key"), post(token::access_key))
            .route(&keys, get(access_keys::list).post(access_keys::create))
            .route(&format!("{keys}/{{id}}"), one);
    }
    dressed(router)
}

/// Gives the routes of this dialect what all its answers have. Whatever is routed here answers in
/// JSON, even to an unknown method or after a panic.
pub(in crate::http) fn dressed(router: Router<State>) -> Router<State> {
    router
        .method_not_allowed_fallback(problem::unknown_method)
        .layer(CatchPanicLayer::custom(problem::panicked))
        .layer(middleware::from_fn(dress))
}

/// Whether a path belongs to this dialect.
pub(super) fn owns(path: &str) -> bool {
    FIRST_STEPS.contains(&path.split('/').nth(1).unwrap_or_default())
}

/// A path of this dialect that is not there.
pub(super) fn unknown_path(headers: &HeaderMap) -> Response {
    use axum::response::IntoResponse as _;

    let mut response = problem::unknown_path().into_response();
    put_on(response.headers_mut(), correlation_id(headers));
    response
}

/// Middleware: no answer is cached, each is JSON, and the caller's `CorrelationId` comes back.
pub(in crate::http) async fn dress(request: Request, next: Next) -> Response {
    let correlation = correlation_id(request.headers());
    let mut response = next.run(request).await;
    put_on(response.headers_mut(), correlation);
    response
}

fn correlation_id(headers: &HeaderMap) -> Option<HeaderValue> {
    let plain = |value: &&HeaderValue| {
        value.len() <= MAX_CORRELATION_ID_BYTES
            && value.as_bytes().iter().all(|byte| (b' '..=b'~').contains(byte))
    };
    headers.get(CORRELATION_ID).filter(plain).cloned()
}

fn put_on(headers: &mut HeaderMap, correlation: Option<HeaderValue>) {
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
    if let Some(value) = correlation {
        headers.insert(CORRELATION_ID, value);
    }
}
