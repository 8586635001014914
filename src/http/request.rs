//! What every request gets: an id, a log line, a count, and an answer even after a panic.

use std::any::Any;
use std::time::Instant;

use axum::extract::{MatchedPath, Request};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderName, HeaderValue, StatusCode};
use tracing::Instrument as _;

/// Header that carries the request id both ways.
pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Longest request id that is taken over from a caller, in bytes.
const MAX_REQUEST_ID_BYTES: usize = 64;

tokio::task_local! {
    /// The id of the request that the current task serves.
    static CURRENT_ID: String;
}

/// The id of the request that the current task serves, for its error answer.
pub(super) fn current_id() -> Option<String> {
    CURRENT_ID.try_with(Clone::clone).ok()
}

/// Names, logs and counts a request. The query is never logged: links carry their signature there.
pub(super) async fn observe(request: Request, next: Next) -> Response {
    let id = request_id(&request);
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let dialect = dialect(request.uri().path());
    let begun = Instant::now();
    let span = tracing::info_span!("request", request_id = %id);
    let served = CURRENT_ID.scope(id.clone(), next.run(request));
    let mut response = served.instrument(span).await;
    let status = response.status();
    let seconds = begun.elapsed().as_secs_f64();
    tracing::info!(
        request_id = %id, %method, route = route.as_deref().unwrap_or("none"),
        status = status.as_u16(), seconds, "answered"
    );
    let class = format!("{}xx", status.as_u16() / 100);
    metrics::counter!("reelgate_http_requests_total", "dialect" => dialect, "status" => class)
        .increment(1);
    metrics::histogram!("reelgate_http_seconds", "dialect" => dialect).record(seconds);
    if let Ok(value) = HeaderValue::try_from(id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

fn request_id(request: &Request) -> String {
    let given = request.headers().get(REQUEST_ID).and_then(|value| value.to_str().ok());
    let plain = |text: &&str| {
        (1..=MAX_REQUEST_ID_BYTES).contains(&text.len())
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    given.filter(plain).map_or_else(|| uuid::Uuid::new_v4().to_string(), str::to_owned)
}

fn dialect(path: &str) -> &'static str {
    match path.split('/').nth(1).unwrap_or_default() {
        "ingest" => "ingest",
        "oauth" | "s" | "archive" => "pbx",
        "api" if path.starts_with("/api/ver1.0") => "pbx",
        "internal-api" | "api" => "gir",
        "control" => "recorder",
        "interaction-recording-management-service" => "control",
        "media" | "media-playback" => "playback",
        "dav" => "dav",
        "archive-retrieval" => "archive",
        "data-extraction" => "bundles",
        "media-download" if path.len() > "/media-download/".len() => "bundles",
        "console" | "player" | "media-download" | "pages" => "pages",
        ".well-known" | "access-key-management" | "auth" | "authentication" => "cxone",
        _ => "admin",
    }
}

/// The answer when a handler panicked; the panic itself went to the log.
pub(super) fn panicked(_: Box<dyn Any + Send>) -> Response {
    tracing::error!("a request handler panicked");
    let body = r#"{"title":"internal error","status":500,"code":"internal"}"#;
    let json = [(http::header::CONTENT_TYPE, "application/problem+json")];
    (StatusCode::INTERNAL_SERVER_ERROR, json, body).into_response()
}
