//! `/interaction-recording-management-service[/v1]/interactions/…`: what agent desktops, IVRs and
//! back-office systems ask for (the record-on-demand and screen recording API pages).

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, Uri};
use serde_json::{Value, json};

use super::super::cxone::Problem;
use super::answer::{contact_id, settle};
use super::parameters::Parameters;
use super::problem::cxone;
use crate::control::{Caller, ControlError, Order};
use crate::http::{State, auth, body};
use crate::identity::{Permission, Principal};

/// Largest body of `business-data-update`, in bytes.
const MAX_DATA_BYTES: usize = 64 * 1024;
/// Who may ask what is recorded.
const MAY_ASK: [Permission; 4] = [
    Permission::RecordOnDemand,
    Permission::RecordMask,
    Permission::RecordScreen,
    Permission::EventsRead,
];

fn caller(principal: &Principal) -> Caller<'_> {
    Caller { tenant: &principal.tenant, name: &principal.name }
}

/// One order for the call of `userId`. A caller that goes away does not stop it.
async fn order(
    state: State,
    headers: HeaderMap,
    permission: Permission,
    parameters: &Parameters,
    order: Order,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let user = parameters.user()?;
    let ticket = state.control.order(caller(&principal), &user, order).await;
    Ok(settle(&state, ticket).await)
}

pub(super) async fn start(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permission = Permission::RecordOnDemand;
    auth::require(&state.identity, &headers, permission).await?;
    let parameters = Parameters::of(&uri)?;
    let wanted = match parameters.with_screen()? {
        true => Order::StartVoiceAndScreen,
        false => Order::StartVoice,
    };
    order(state, headers, permission, &parameters, wanted).await
}

pub(super) async fn stop(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(&uri)?;
    order(state, headers, Permission::RecordOnDemand, &parameters, Order::Stop).await
}

pub(super) async fn decline(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(&uri)?;
    order(state, headers, Permission::RecordOnDemand, &parameters, Order::DoNotRecord).await
}

pub(super) async fn mask(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(&uri)?;
    order(state, headers, Permission::RecordMask, &parameters, Order::Mask).await
}

pub(super) async fn unmask(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let parameters = Parameters::of(&uri)?;
    order(state, headers, Permission::RecordMask, &parameters, Order::Unmask).await
}

pub(super) async fn status(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Problem> {
    let principal = auth::require_any(&state.identity, &headers, &MAY_ASK).await?;
    let user = Parameters::of(&uri)?.user()?;
    let view = state.control.status(&principal.tenant, &user).await;
    let view = view.map_err(|error| cxone(&error, state.clock.now()))?;
    let form = state.control.settings().contact_id;
    Ok(Json(json!({
        "contactId": contact_id(&view.interaction.contact, form),
        "segmentId": view.interaction.segment,
        "interactionId": view.interaction.id,
        "statusReason": view.reason.name(),
        "recordingStatusToAgent": view.status.name(),
        "recordingStatusFromAgent": view.status.name(),
    })))
}

pub(super) async fn start_screen(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permission = Permission::RecordScreen;
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let parameters = Parameters::of(&uri)?;
    let (user, seconds) = (parameters.user()?, parameters.duration()?);
    let ticket = state.control.start_screen(caller(&principal), &user, seconds).await;
    Ok(settle(&state, ticket).await)
}

pub(super) async fn stop_screen(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let permission = Permission::RecordScreen;
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let parameters = Parameters::of(&uri)?;
    let (user, contact) = (parameters.user()?, parameters.contact()?);
    let ticket = state.control.stop_screen(caller(&principal), &user, &contact).await;
    Ok(settle(&state, ticket).await)
}

pub(super) async fn business_data(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let permission = Permission::RecordOnDemand;
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let user = Parameters::of(&uri)?.user()?;
    let bytes = body::read_small(body, MAX_DATA_BYTES).await?;
    let data: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::body(format!("the body is not JSON: {error}")))?;
    let objects = data.as_array().is_some_and(|list| list.iter().all(Value::is_object));
    if !objects {
        return Err(Problem::body("the body must be an array of objects"));
    }
    let ticket: Result<_, ControlError> =
        state.control.business_data(caller(&principal), &user, &data).await;
    Ok(settle(&state, ticket).await.into_response())
}
