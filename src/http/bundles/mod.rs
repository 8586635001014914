//! Files made on request (`docs/bulk.md`): `/media-download/v1` and `/data-extraction/v1`.

mod download;
mod extraction;

use axum::Router;
use axum::routing::{get, post};

use super::State;
use super::cxone::dressed;

pub(super) fn routes() -> Router<State> {
    let mut router = Router::new();
    for version in ["", "/v1"] {
        let (download, jobs) =
            (format!("/media-download{version}"), format!("/data-extraction{version}/jobs"));
        router = router
            .route(&format!("{download}/contacts"), post(download::contacts))
            .route(&format!("{download}/segments"), post(download::segments))
            .route(&format!("{download}/status/{{id}}"), get(download::status))
            .route(&jobs, get(extraction::list).post(extraction::create))
            .route(&format!("{jobs}/{{id}}"), get(extraction::show));
    }
    dressed(router)
}
