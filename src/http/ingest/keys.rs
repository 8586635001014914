//! `GET /ingest/v1/receipts/keys`: the public keys of receipts and manifests, a JWK set.

use axum::Json;
use axum::extract::State as Shared;
use serde_json::{Value, json};

use crate::http::State;

pub(super) async fn get(Shared(state): Shared<State>) -> Json<Value> {
    Json(json!({ "keys": [state.signing.jwk()] }))
}
