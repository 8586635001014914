//! `/admin/v1/quarantine`: assets that are held back, another try, and giving one up.

use axum::Json;
use axum::extract::State as Shared;
use http::{HeaderMap, StatusCode, Uri};
use serde_json::{Value, json};

use super::operator;
use super::parameters::{after_id, cut, limit};
use crate::asset::{AssetId, utc_format};
use crate::http::State;
use crate::http::cxone::{Problem, Query};
use crate::http::path::Names;
use crate::pipeline::{Operator, OperatorError};

/// Quarantined assets, the latest declared first.
pub(super) async fn list(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let query = Query::of(&uri)?;
    let (last, limit) = (after_id(&query, AssetId::parse)?, limit(&query)?);
    let more = limit.saturating_add(1);
    let mut found = state.catalog.quarantined(&principal.tenant, last, more).await?;
    let next = cut(&mut found, limit).then(|| found.last().map(|(row, _)| row.asset_id));
    let own = state.pipeline.spool.node();
    let shown: Vec<Value> = found
        .iter()
        .map(|(row, since)| {
            json!({
                "assetId": row.asset_id,
                "recordingId": row.recording_id,
                "mediaId": row.media_id,
                "reason": row.reason,
                "detail": row.detail,
                "since": since.map(utc_format),
                "bytes": row.upload_bytes,
                "sha256": row.upload_sha256,
                "node": row.node,
                "here": row.node.as_deref().is_none_or(|node| node == own),
            })
        })
        .collect();
    Ok(Json(json!({ "assets": shown, "next": next.flatten() })))
}

/// Another try, for instance after the settings were mended.
pub(super) async fn retry(
    Shared(state): Shared<State>,
    Names(asset, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let asset = named(&asset)?;
    let operator = Operator { tenant: &principal.tenant, name: &principal.name };
    state.pipeline.retry_quarantined(operator, asset).await?;
    Ok(Json(json!({ "assetId": asset, "state": "spooled" })))
}

/// Destroys what was held back. There is no way back.
pub(super) async fn erase(
    Shared(state): Shared<State>,
    Names(asset, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = operator(&state, &headers).await?;
    let asset = named(&asset)?;
    // A caller that goes away meanwhile does not stop it between the row and the file.
    let work = tokio::spawn(async move {
        let operator = Operator { tenant: &principal.tenant, name: &principal.name };
        state.pipeline.erase_quarantined(operator, asset).await
    });
    work.await.map_err(|error| Problem::internal(&error))??;
    Ok(Json(json!({ "assetId": asset, "state": "erased" })))
}

/// An id that is none names nothing.
fn named(text: &str) -> Result<AssetId, Problem> {
    AssetId::parse(text).ok_or_else(|| Problem::not_found("asset"))
}

impl From<OperatorError> for Problem {
    fn from(error: OperatorError) -> Self {
        let text = error.to_string();
        match error {
            OperatorError::Unknown => Self::not_found("asset"),
            OperatorError::NotQuarantined { state } => {
                Self::new(StatusCode::CONFLICT, "NOT_QUARANTINED", text).with("state", state.name())
            }
            OperatorError::Elsewhere { node } => {
                Self::new(StatusCode::CONFLICT, "ELSEWHERE", text).with("node", node)
            }
            OperatorError::Held => Self::new(StatusCode::CONFLICT, "ON_HOLD", text),
            OperatorError::NoFile => Self::new(StatusCode::CONFLICT, "NO_FILE", text),
            OperatorError::Failed(crate::pipeline::PipelineError::Catalog(error)) => error.into(),
            OperatorError::Failed(error) => Self::internal(&error),
        }
    }
}
