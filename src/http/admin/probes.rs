//! `/healthz`, `/readyz`, `/metrics`.

use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use axum::{Json, Router};
use http::StatusCode;
use http::header::CONTENT_TYPE;
use serde_json::json;

use crate::http::State;

/// Their routes.
pub(super) fn routes() -> Router<State> {
    Router::new()
        .route("/healthz", get(healthz))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
}

/// The process answers.
async fn healthz() -> Response {
    Json(json!({ "status": "ok" })).into_response()
}

/// Uploads can be taken: the catalogue answers and the spool has room. A store or RWS that is away
/// does not make the gateway unready: it spools meanwhile.
async fn readyz(Shared(state): Shared<State>) -> Response {
    let catalog = state.catalog.ping().await.is_ok();
    let spool = state.ingest.admit(0).is_ok();
    let status = if catalog && spool { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = |good| if good { "ok" } else { "failing" };
    let body = json!({
        "status": word(catalog && spool),
        "catalog": word(catalog),
        "spool": word(spool),
    });
    (status, Json(body)).into_response()
}

/// Prometheus text.
async fn metrics(Shared(state): Shared<State>) -> Response {
    if let Ok(counts) = state.catalog.media_counts().await {
        for (name, count) in counts {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("reelgate_media", "state" => name).set(count as f64);
        }
    }
    if let Ok(counts) = state.catalog.tier_counts().await {
        for (name, count) in counts {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("reelgate_recordings", "tier" => name).set(count as f64);
        }
    }
    if let Ok((all, failed)) = state.catalog.removal_counts().await {
        for (name, count) in [("waiting", all.saturating_sub(failed)), ("failed", failed)] {
            #[expect(clippy::cast_precision_loss, reason = "a gauge is a float")]
            metrics::gauge!("reelgate_removals", "state" => name).set(count as f64);
        }
    }
    let kind = [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
    (kind, state.metrics.render()).into_response()
}
