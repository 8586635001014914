//! `/ingest/v1`: recordings, media, masks (`docs/api.md`).

mod digest;
mod keys;
mod masks;
mod media;
mod problem;
mod recordings;
mod resume;
mod status;
mod upload;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::response::IntoResponse as _;
use axum::routing::{get, post, put};

pub(super) use self::problem::Problem;
use super::State;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/ingest/v1/recordings", post(upload::post))
        .route("/ingest/v1/recordings/{id}", put(recordings::put).get(status::get))
        .route(
            "/ingest/v1/recordings/{id}/media/{media_id}",
            put(media::put).head(resume::head).patch(resume::patch),
        )
        .route("/ingest/v1/recordings/{id}/masks", post(masks::post))
        .route("/ingest/v1/recordings/{id}/complete", post(masks::complete))
        .route("/ingest/v1/receipts/keys", get(keys::get))
        // Bodies are streamed and meet `ingest`'s own limits; axum's is meant for buffered ones.
        .layer(DefaultBodyLimit::disable())
}

/// A method that is not served, in the words of this dialect.
pub(super) async fn unknown_method() -> axum::response::Response {
    let detail = "the path does not serve this method";
    Problem::new(http::StatusCode::METHOD_NOT_ALLOWED, "method_unknown", detail).into_response()
}

/// What is not there, in the words of this dialect.
pub(super) async fn unknown_path() -> axum::response::Response {
    let detail = "there is no such path";
    Problem::new(http::StatusCode::NOT_FOUND, "path_unknown", detail).into_response()
}
