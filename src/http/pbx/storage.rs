//! `storage_url/`: the permanent link of a record, its rotation and its end.

use axum::body::Body;
use axum::response::{IntoResponse as _, Response};
use http::{Method, StatusCode};
use serde_json::json;

use super::caller::Caller;
use super::file::{self, Found};
use super::list::json_of;
use super::problem::Problem;
use super::query::Query;
use crate::asset::Outcome;
use crate::catalog::CallScope;
use crate::http::State;
use crate::identity::Permission;
use crate::play::{Disposition, LinkOwner, Listener, STORAGE_PATH, Wanted};

/// Shortest and longest life of a link that ends, in seconds.
const LIFE_S: (u64, u64) = (180, 5_184_000);

/// `GET` gives the link, `POST` a new one, `DELETE` ends it.
pub(super) async fn serve(
    state: &State,
    caller: &Caller,
    (scope, uuid): (CallScope, &str),
    (method, query): (&Method, &Query),
) -> Result<Response, Problem> {
    let found = file::find(state, caller, scope, uuid).await?;
    let (tenant, name) = (&caller.principal.tenant, caller.principal.name.as_str());
    let owner = LinkOwner { tenant, name, asset: found.media.asset_id };
    match *method {
        Method::GET | Method::HEAD => {
            if let Some(life_s) = query.number("lifetime", LIFE_S.0, LIFE_S.1)? {
                return ending(state, caller, &found, life_s).await;
            }
            let token = state.links.storage_token(owner).await?;
            Ok(shown(state, &found, &token))
        }
        Method::POST => {
            caller.may(Permission::LinksManage)?;
            let token = state.links.rotate_storage_token(owner).await?;
            let mut response = shown(state, &found, &token);
            *response.status_mut() = StatusCode::CREATED;
            Ok(response)
        }
        Method::DELETE => {
            caller.may(Permission::LinksManage)?;
            // Without a link there is nothing to end, and it cannot be made by asking either.
            if !state.links.revoke_storage_token(owner).await? {
                return Err(Problem::not_found());
            }
            Ok(StatusCode::NO_CONTENT.into_response())
        }
        _ => Err(Problem::method("GET, HEAD, POST, DELETE")),
    }
}

fn shown(state: &State, found: &Found, token: &str) -> Response {
    let url = format!("{}{STORAGE_PATH}{token}/{}", state.public_url, found.file_name());
    json_of(Body::from(json!({ "record_url": url }).to_string()))
}

/// A signed link that ends by itself, beside the permanent one.
async fn ending(
    state: &State,
    caller: &Caller,
    found: &Found,
    life_s: u64,
) -> Result<Response, Problem> {
    let outcome = found.media.outcome.as_deref().unwrap_or_default();
    let mut outcome: Outcome =
        serde_json::from_str(outcome).map_err(|error| Problem::internal(&error))?;
    outcome.file_name = found.file_name();
    // The life is the one that was asked for, whatever the recording's length.
    outcome.duration_ms = 0;
    let (tenant, name) = (&caller.principal.tenant, caller.principal.name.as_str());
    let listener = Listener { tenant, name, address: caller.address };
    let asset = found.media.asset_id;
    let wanted = Wanted { asset, outcome: &outcome, disposition: Disposition::Inline, life_s };
    let made = state.links.issue(listener, &asset.to_string(), &[wanted]).await?;
    let link = made.into_iter().next().ok_or_else(|| Problem::internal(&"no link"))?;
    let till = crate::asset::gmt_seconds(link.expires);
    let shown = json!({ "record_url": link.url, "lifetime": life_s, "lifetime_till": till });
    Ok(json_of(Body::from(shown.to_string())))
}
