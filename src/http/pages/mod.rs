//! The player, the download page and the operator console: documents, modules and style that the binary carries.
//!
//! What is to be played stands in the fragment of the address, which no server sees. The pages sign
//! in and call the media playback API, or that of administration, like any other client.

mod files;

use axum::Router;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode, Uri};
use url::Url;

use super::State;
use crate::asset::Digest;
use files::{FILES, File};

/// Who may show the pages in a frame of its own.
const FRAME_ANCESTORS: &str = "'self'";

pub(super) fn routes() -> Router<State> {
    let mut router = Router::new();
    for file in FILES {
        let etag = format!("\"{}\"", Digest::of(file.bytes));
        let answer = move |Shared(state): Shared<State>, headers: HeaderMap| async move {
            serve(file, &etag, &state.public_url, &headers)
        };
        router = router.route(file.path, get(answer));
        if let Some(bare) = file.path.strip_suffix('/') {
            router = router.route(bare, get(add_slash));
        }
    }
    router
}

/// A page without its final slash. The place is relative, so that a proxy may serve the gateway
/// below a path of its own; browsers take the fragment along.
async fn add_slash(uri: Uri) -> Response {
    let name = uri.path().rsplit('/').next().unwrap_or_default();
    let query = uri.query().map(|query| format!("?{query}")).unwrap_or_default();
    (StatusCode::PERMANENT_REDIRECT, [(LOCATION, format!("{name}/{query}"))]).into_response()
}

fn serve(file: &'static File, etag: &str, public_url: &str, headers: &HeaderMap) -> Response {
    let known = headers.get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    let mut response = if known.is_some_and(|known| names(known, etag)) {
        StatusCode::NOT_MODIFIED.into_response()
    } else {
        ([(CONTENT_TYPE, file.mime)], file.bytes).into_response()
    };
    let out = response.headers_mut();
    // Asked for each time: a page and its modules must be of the same version.
    out.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    out.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    out.insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    for (name, text) in [(ETAG, etag), (CONTENT_SECURITY_POLICY, &policy(public_url))] {
        if let Ok(value) = HeaderValue::try_from(text) {
            out.insert(name, value);
        }
    }
    response
}

/// Whether an `If-None-Match` lists the tag (RFC 9110 section 13.1.2: the comparison is weak).
fn names(known: &str, etag: &str) -> bool {
    known == "*" || known.split(',').any(|one| one.trim().trim_start_matches("W/") == etag)
}

/// The content security policy. Media come from where links point, which may be another origin than
/// the one that the page was opened under.
fn policy(public_url: &str) -> String {
    let origin = Url::parse(public_url).map(|url| url.origin().ascii_serialization());
    let media = origin.map_or_else(|_| "'self'".to_owned(), |origin| format!("'self' {origin}"));
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         media-src {media}; connect-src {media}; base-uri 'none'; form-action 'self'; \
         frame-ancestors {FRAME_ANCESTORS}"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policy_lets_media_come_from_the_public_address_only() {
        let policy = policy("https://media.example.com:8443/below");
        assert!(policy.contains("media-src 'self' https://media.example.com:8443;"), "{policy}");
        assert!(policy.contains("script-src 'self';") && !policy.contains("unsafe"), "{policy}");
        assert!(super::policy("no address").contains("media-src 'self';"));
    }

    #[test]
    fn a_known_tag_is_found_in_a_list() {
        assert!(names("\"a\", W/\"b\"", "\"b\"") && names("*", "\"b\""));
        assert!(!names("\"a\"", "\"b\""));
    }
}
