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
use super::problem::{Refused, cxone};
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
    (uri, headers): (Uri, HeaderMap),
    permission: Permission,
    wanted: impl FnOnce(&Parameters) -> Result<Order, Problem>,
) -> Result<Response, Refused> {
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let parameters = Parameters::of(&uri)?;
    let (user, order) = (parameters.user()?, wanted(&parameters)?);
    let ticket = state.control.order(caller(&principal), &user, order).await;
    Ok(settle(&state, ticket).await)
}

pub(super) async fn start(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    let wanted = |parameters: &Parameters| match parameters.with_screen()? {
        true => Ok(Order::StartVoiceAndScreen),
        false => Ok(Order::StartVoice),
    };
    order(state, (uri, headers), Permission::RecordOnDemand, wanted).await
}

pub(super) async fn stop(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    order(state, (uri, headers), Permission::RecordOnDemand, |_| Ok(Order::Stop)).await
}

pub(super) async fn decline(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    order(state, (uri, headers), Permission::RecordOnDemand, |_| Ok(Order::DoNotRecord)).await
}

pub(super) async fn mask(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    order(state, (uri, headers), Permission::RecordMask, |_| Ok(Order::Mask)).await
}

pub(super) async fn unmask(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    order(state, (uri, headers), Permission::RecordMask, |_| Ok(Order::Unmask)).await
}

pub(super) async fn status(
    Shared(state): Shared<State>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Json<Value>, Refused> {
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
) -> Result<Response, Refused> {
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
) -> Result<Response, Refused> {
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
) -> Result<Response, Refused> {
    let permission = Permission::RecordOnDemand;
    let principal = auth::require(&state.identity, &headers, permission).await?;
    let user = Parameters::of(&uri)?.user()?;
    let bytes = body::read_small(body, MAX_DATA_BYTES).await?;
    let data: Value = serde_json::from_slice(&bytes)
        .map_err(|error| Problem::body(format!("the body is not JSON: {error}")))?;
    let objects = data.as_array().is_some_and(|list| list.iter().all(Value::is_object));
    if !objects {
        return Err(Problem::body("the body must be an array of objects").into());
    }
    let ticket: Result<_, ControlError> =
        state.control.business_data(caller(&principal), &user, &data).await;
    Ok(settle(&state, ticket).await.into_response())
}
