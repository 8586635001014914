//! `/ingest/v1`: recordings, media, masks (`docs/api.md`).

mod digest;
mod keys;
mod masks;
mod media;
mod problem;
mod recordings;
mod status;
mod upload;

use axum::Router;
use axum::routing::{get, post, put};

use super::State;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/ingest/v1/recordings", post(upload::post))
        .route("/ingest/v1/recordings/{id}", put(recordings::put).get(status::get))
        .route("/ingest/v1/recordings/{id}/media/{media_id}", put(media::put))
        .route("/ingest/v1/recordings/{id}/masks", post(masks::post))
        .route("/ingest/v1/recordings/{id}/complete", post(masks::complete))
        .route("/ingest/v1/receipts/keys", get(keys::get))
}
