//! `/access-key-management/v1/access-keys`: one's own with `keys.own`, the tenant's with
//! `keys.manage`.

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode, Uri};
use jiff::Timestamp;
use serde_json::{Map, Value, json};
use zeroize::Zeroizing;

use super::parameters::{MAX_BODY_BYTES, Parameters};
use super::problem::Problem;
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::{AccessKey, KeySecret, Permission, Principal};

/// Somebody who may do something with access keys.
struct Keeper {
    principal: Principal,
    /// Whether with everybody's.
    of_all: bool,
}

impl Keeper {
    async fn of(state: &State, headers: &HeaderMap) -> Result<Self, Problem> {
        let principal = auth::authenticate(&state.identity, headers).await?;
        let of_all = principal.may(Permission::KeysManage);
        if !of_all && !principal.may(Permission::KeysOwn) {
            return Err(Problem::forbidden(Permission::KeysOwn.name()));
        }
        Ok(Self { principal, of_all })
    }

    /// Refuses somebody else's keys.
    fn may_touch(&self, owner: &str) -> Result<(), Problem> {
        if self.of_all || owner == self.principal.name {
            return Ok(());
        }
        Err(Problem::forbidden(Permission::KeysManage.name()))
    }

    /// A key that they may touch. One of another tenant is not there.
    async fn key(&self, state: &State, id: &str) -> Result<AccessKey, Problem> {
        let key = state.identity.access_key(&self.principal.tenant, id).await?;
        self.may_touch(&key.principal)?;
        Ok(key)
    }

    /// A key in the words of the interface. The gateway has no numbers for agents and billing
    /// units: user and tenant stand for them.
    fn shown(&self, key: &AccessKey) -> Map<String, Value> {
        let tenant = self.principal.tenant.as_str();
        let mut shown = Map::new();
        let mut put = |name: &str, value: Value| drop(shown.insert(name.to_owned(), value));
        put("accessKeyId", key.id.as_str().into());
        put("userId", key.principal.as_str().into());
        put("tenantId", tenant.into());
        put("agentId", key.principal.as_str().into());
        put("billingId", tenant.into());
        put("isActive", key.active.into());
        put("createdDate", date(key.created).into());
        if let Some(last) = key.last_used {
            put("lastUsedDate", date(last).into());
        }
        shown
    }

    /// A key with its new secret.
    async fn revealed(&self, state: &State, new: &KeySecret) -> Result<Value, Problem> {
        let key = state.identity.access_key(&self.principal.tenant, &new.id).await?;
        let mut shown = self.shown(&key);
        shown.insert("accessKeySecret".to_owned(), new.secret.as_str().into());
        Ok(json!({ "resultSet": shown }))
    }
}

fn date(at: Timestamp) -> String {
    format!("{at:.3}")
}

/// Makes a key: for `userId`, or for the caller. The secret is in this answer only.
pub(super) async fn create(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let keeper = Keeper::of(&state, &headers).await?;
    let parameters = Parameters::json(&body::read_small(body, MAX_BODY_BYTES).await?)?;
    let owner = parameters.text("userId")?.unwrap_or(&keeper.principal.name);
    keeper.may_touch(owner)?;
    let (tenant, actor) = (&keeper.principal.tenant, &keeper.principal.name);
    let new = state.identity.create_access_key(tenant, owner, actor).await?;
    tracing::info!(key = %new.id, "access key created");
    let shown = keeper.revealed(&state, &new).await?;
    Ok((StatusCode::CREATED, Json(shown)).into_response())
}

/// Lists the keys that the caller may touch, or those of `userId` among them.
pub(super) async fn list(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let keeper = Keeper::of(&state, &headers).await?;
    let query = Parameters::form(uri.query().unwrap_or_default().as_bytes())?;
    let asked = query.text("userId")?.or(query.text("user-id")?);
    let owner = asked.or((!keeper.of_all).then_some(keeper.principal.name.as_str()));
    owner.map_or(Ok(()), |owner| keeper.may_touch(owner))?;
    let keys = state.identity.access_keys(&keeper.principal.tenant, owner).await?;
    let shown: Vec<_> = keys.iter().map(|key| keeper.shown(key)).collect();
    Ok(Json(json!({ "resultSet": shown })))
}

/// One key.
pub(super) async fn show(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let keeper = Keeper::of(&state, &headers).await?;
    let key = keeper.key(&state, &id).await?;
    Ok(Json(json!({ "resultSet": keeper.shown(&key) })))
}

/// Switches a key on or off (`isActive`), or gives it a new secret (`rotateSecret`).
pub(super) async fn change(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let keeper = Keeper::of(&state, &headers).await?;
    keeper.key(&state, &id).await?;
    let bytes = Zeroizing::new(body::read_small(body, MAX_BODY_BYTES).await?);
    let parameters = Parameters::json(&bytes)?;
    let active = parameters.truth("isActive")?;
    let rotate = parameters.truth("rotateSecret")?.unwrap_or(false);
    if active.is_none() && !rotate {
        return Err(Problem::parameter("isActive", "is missing"));
    }
    let (tenant, actor) = (&keeper.principal.tenant, &keeper.principal.name);
    if let Some(active) = active {
        state.identity.switch_access_key(tenant, &id, active, actor).await?;
    }
    if rotate {
        let new = state.identity.rotate_access_key(tenant, &id, actor).await?;
        return Ok(Json(keeper.revealed(&state, &new).await?));
    }
    let key = keeper.key(&state, &id).await?;
    Ok(Json(json!({ "resultSet": keeper.shown(&key) })))
}

/// Removes a key.
pub(super) async fn remove(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let keeper = Keeper::of(&state, &headers).await?;
    keeper.key(&state, &id).await?;
    let (tenant, actor) = (&keeper.principal.tenant, &keeper.principal.name);
    state.identity.remove_access_key(tenant, &id, actor).await?;
    Ok(Json(json!({ "resultSet": { "accessKeyId": id, "isActive": false } })))
}
