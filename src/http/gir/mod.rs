//! The insertion API (the insertion API page of 2017-07-17), as RWS serves it.

mod insert;
mod problem;
mod session;

use axum::Router;
use axum::routing::{get, post};

pub use session::Sessions;

use super::State;

pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/internal-api/contact-centers/{id}/recordings", post(insert::post))
        .route("/api/v2/ops/contact-centers", get(session::contact_centers))
        .route("/api/v2/ops/contact-centers/{id}/recordings/{recording}", get(insert::get))
        .route("/api/v2/me", get(session::me))
        .route("/api/v2/diagnostics/version", get(session::version))
}
