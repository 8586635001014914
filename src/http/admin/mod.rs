//! Administration: `/healthz`, `/readyz`, `/metrics`, and what the operator console asks
//! (`/admin/v1`, `docs/console.md`).
//!
//! The console's answers have the form of the CXone dialect. Everything there is for principals with
//! `admin`, but for holds (`records.hold`) and deletion (`records.delete`), and of their own tenant.

mod deliveries;
mod detail;
mod health;
mod holds;
mod parameters;
mod probes;
mod quarantine;
mod recordings;
mod removal;

use axum::Router;
use axum::routing::{get, post};
use http::HeaderMap;

use super::cxone::{Problem, dressed};
use super::{State, auth};
use crate::identity::{Permission, Principal};

pub(super) fn routes() -> Router<State> {
    let api = Router::new()
        .route("/recordings", get(recordings::search))
        .route("/recordings/{id}", get(detail::show).delete(removal::delete))
        .route("/recordings/{id}/hold", get(holds::show).put(holds::put).delete(holds::release))
        .route("/deliveries", get(deliveries::list))
        .route("/deliveries/{id}/retry", post(deliveries::retry))
        .route("/quarantine", get(quarantine::list))
        .route("/quarantine/{asset}/retry", post(quarantine::retry))
        .route("/quarantine/{asset}/erase", post(quarantine::erase))
        .route("/health", get(health::show));
    probes::routes().nest("/admin/v1", dressed(api))
}

/// Whoever may use the console.
async fn operator(state: &State, headers: &HeaderMap) -> Result<Principal, Problem> {
    Ok(auth::require(&state.identity, headers, Permission::Admin).await?)
}
