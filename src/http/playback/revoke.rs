//! `POST /media-playback/v1/revocations`: takes links back.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use http::HeaderMap;
use serde_json::{Value, json};

use crate::asset::RecordingId;
use crate::catalog::AuditEntry;
use crate::http::cxone::{MAX_BODY_BYTES, Parameters, Problem};
use crate::http::peer::Address;
use crate::http::{State, auth, body};
use crate::identity::Permission;

/// Voids the links made until now: to `recordingId`, to `assetId`, or with `"all": true` every one of
/// the tenant. Links made later are good.
pub(super) async fn post(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    Address(address): Address,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::LinksManage).await?;
    let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let recording = parameters.text("recordingId")?;
    let asset = parameters.text("assetId")?;
    let all = parameters.truth("all")?.unwrap_or(false);
    let subject = match (recording, asset, all) {
        (Some(id), None, false) => {
            let id =
                RecordingId::parse(id).map_err(|error| Problem::parameter("recordingId", error))?;
            let known = state.catalog.recording_names(&principal.tenant, &id).await?;
            known.ok_or_else(|| Problem::not_found("recording"))?;
            id.to_string()
        }
        (None, Some(id), false) => {
            let id = crate::asset::AssetId::parse(id)
                .ok_or_else(|| Problem::parameter("assetId", "is not the id of an asset"))?;
            let held = state.catalog.held_asset(id).await?;
            let own = held.is_some_and(|held| held.tenant == principal.tenant);
            if !own {
                return Err(Problem::not_found("asset"));
            }
            id.to_string()
        }
        (None, None, true) => String::new(),
        _ => return Err(Problem::body("exactly one of recordingId, assetId and all is needed")),
    };
    let now = state.clock.now();
    let entry = AuditEntry {
        tenant: &principal.tenant,
        actor: &principal.name,
        action: "links.revoke",
        subject: if subject.is_empty() { "all" } else { &subject },
        detail: json!({ "address": address }),
        now,
    };
    state.catalog.revoke_links(&principal.tenant, &subject, &entry).await?;
    Ok(Json(json!({ "revokedBefore": now })))
}
