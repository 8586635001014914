//! Media playback: the API, and the signed links that it gives (`docs/playback.md`).

mod answer;
mod contacts;
mod media;
mod parameters;
mod permalinks;
mod problem;
mod revoke;
mod stages;
mod tickets;

use axum::Router;
use axum::routing::{any, delete, get, post};
use http::Uri;

pub(super) use self::contacts::within_limit;
use self::problem::Problem;
use super::State;
use super::cxone::dressed;
use crate::play::LINK_PATH;

pub(super) fn routes() -> Router<State> {
    let api = Router::new()
        .route("/contacts", get(contacts::by_call))
        .route("/contacts/{id}", get(contacts::by_contact))
        .route("/segments/{id}", get(contacts::by_segment))
        .route("/acd-contacts/{id}/statements/{statement}", get(contacts::by_statement))
        .route("/permalinks/acd-contacts/{id}", get(permalinks::contact))
        .route("/permalinks/segments/{id}", get(permalinks::segment))
        .route("/tickets", get(tickets::list).post(tickets::create))
        .route("/tickets/{id}", delete(tickets::remove))
        .route("/revocations", post(revoke::post));
    let api = dressed(api);
    Router::new()
        .nest("/media-playback", api.clone())
        .nest("/media-playback/v1", api)
        .route("/media/v1/{*rest}", any(media::serve))
        .route("/media/{*rest}", any(media::serve))
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
