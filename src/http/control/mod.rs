//! Recording control: the CXone interface that callers use, and the channel that recorders use
//! (`docs/control.md`).

mod answer;
mod channel;
mod commands;
mod feed;
mod interactions;
mod parameters;
mod problem;

use axum::Router;
use axum::routing::{get, post, put};

use super::State;
use super::cxone::dressed;

/// What callers' paths begin with; `/v1` follows or not.
const SERVICE: &str = "/interaction-recording-management-service";

pub(super) fn routes() -> Router<State> {
    let interactions = Router::new()
        .route("/start-recording-on-demand", post(interactions::start))
        .route("/stop-recording-on-demand", post(interactions::stop))
        .route("/do-not-record", post(interactions::decline))
        .route("/mask", post(interactions::mask))
        .route("/unmask", post(interactions::unmask))
        .route("/get-recording-status", get(interactions::status))
        .route("/start-screen-interaction-recording", post(interactions::start_screen))
        .route("/stop-screen-interaction-recording", post(interactions::stop_screen))
        .route("/business-data-update", post(interactions::business_data));
    let interactions = dressed(interactions);
    Router::new()
        .nest(&format!("{SERVICE}/interactions"), interactions.clone())
        .nest(&format!("{SERVICE}/v1/interactions"), interactions)
        .route(&format!("{SERVICE}/v1/recording-status"), get(feed::subscribe))
        .route("/control/v1/recorders/{id}", put(channel::register))
        .route("/control/v1/recorders/{id}/commands", get(commands::get))
        .route("/control/v1/interactions/{id}", put(channel::announce))
        .route("/control/v1/interactions/{id}/events", post(channel::report))
        .route("/control/v1/commands/{id}/ack", post(commands::acknowledge))
}
