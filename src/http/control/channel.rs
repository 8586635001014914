//! What recorders say: that they are there, what begins, what happens, what ends
//! (`docs/control.md`, "The recorder channel").

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::{IntoResponse as _, Response};
use http::{HeaderMap, StatusCode};
use jiff::Timestamp;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::super::ingest::Problem;
use super::problem::channel;
use crate::asset::{ContactId, FieldFault, InteractionId, RecorderId, UserId};
use crate::catalog::Capability;
use crate::control::{
    Announcement, Caller, ControlError, Event, EventKind, MAX_PARTICIPANTS, Registration, Reported,
};
use crate::http::path::Names;
use crate::http::{State, auth, body};
use crate::identity::{Permission, Principal};

/// Largest body of the channel, in bytes.
const MAX_BODY_BYTES: usize = 256 * 1024;
/// Most events of one request.
const MAX_EVENTS: usize = 1000;
/// Longest name of an event or segment, in bytes.
const MAX_NAME_BYTES: usize = 200;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RegistrationBody {
    capabilities: Vec<String>,
    users: Option<Vec<UserId>>,
    time: Option<Timestamp>,
    interactions: Option<Vec<InteractionId>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserBody {
    user_id: UserId,
    joined_at: Option<Timestamp>,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Direction {
    Inbound,
    Outbound,
    Internal,
}

#[derive(Deserialize)]
#[serde(rename_all = "lowercase")]
enum Policy {
    Record,
    None,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct InteractionBody {
    contact_id: ContactId,
    segment_id: Option<String>,
    recorder_id: RecorderId,
    direction: Direction,
    policy: Policy,
    #[serde(default)]
    users: Vec<UserBody>,
    start_time: Timestamp,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct EventBody {
    event_id: Option<String>,
    #[serde(rename = "type")]
    kind: EventKind,
    time: Timestamp,
    user_id: Option<UserId>,
    to_user_id: Option<UserId>,
}

/// Who may speak on the channel.
pub(super) async fn recorder(state: &State, headers: &HeaderMap) -> Result<Principal, Problem> {
    Ok(auth::require(&state.identity, headers, Permission::Recorder).await?)
}

pub(super) fn caller(principal: &Principal) -> Caller<'_> {
    Caller { tenant: &principal.tenant, name: &principal.name }
}

/// Reads a JSON body; a fault names the member.
pub(super) async fn read<T: DeserializeOwned>(body: Body) -> Result<T, Problem> {
    let bytes = body::read_small(body, MAX_BODY_BYTES).await?;
    let mut reader = serde_json::Deserializer::from_slice(&bytes);
    serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let (field, fault) = (error.path().to_string(), error.into_inner());
        let field = if field == "." { "$".to_owned() } else { field };
        if fault.is_data() {
            return Problem::field("field_invalid", field, fault.to_string());
        }
        Problem::document(vec![FieldFault { field: "$".to_owned(), message: fault.to_string() }])
    })
}

pub(super) async fn register(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = recorder(&state, &headers).await?;
    let id = RecorderId::parse(&id).map_err(|error| Problem::id("recorderId", &error))?;
    let body: RegistrationBody = read(body).await?;
    let mut capabilities = Vec::new();
    for (index, text) in body.capabilities.iter().enumerate() {
        let capability = Capability::parse(text).ok_or_else(|| {
            let message = "must be voice, screen, pause or stop";
            Problem::field("field_invalid", format!("capabilities[{index}]"), message)
        })?;
        if !capabilities.contains(&capability) {
            capabilities.push(capability);
        }
    }
    let new = Registration {
        id,
        capabilities,
        users: body.users,
        time: body.time,
        interactions: body.interactions,
    };
    let registered = state.control.register(caller(&principal), new).await;
    let (row, live) = registered.map_err(|error| channel(&error, state.clock.now()))?;
    Ok(Json(json!({
        "recorderId": row.id,
        "clockOffsetMs": i64::try_from(row.clock_offset.as_millis()).unwrap_or(0),
        "expiresInS": state.control.settings().recorder_expiry_s,
        "interactions": live,
    })))
}

pub(super) async fn announce(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Problem> {
    let principal = recorder(&state, &headers).await?;
    let interaction =
        InteractionId::parse(&id).map_err(|error| Problem::id("interactionId", &error))?;
    let body: InteractionBody = read(body).await?;
    short("segmentId", body.segment_id.as_deref())?;
    if body.users.len() > MAX_PARTICIPANTS {
        let message = format!("has more than {MAX_PARTICIPANTS} entries");
        return Err(Problem::field("field_invalid", "users", message));
    }
    let new = Announcement {
        interaction,
        contact: body.contact_id,
        segment: body.segment_id,
        recorder: body.recorder_id,
        internal: matches!(body.direction, Direction::Internal),
        policy: matches!(body.policy, Policy::Record),
        users: body.users.into_iter().map(|user| (user.user_id, user.joined_at)).collect(),
        started: body.start_time,
    };
    let announced = state.control.announce(caller(&principal), new).await;
    let (created, reported) = announced.map_err(|error| channel(&error, state.clock.now()))?;
    let status = if created { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view(&reported))).into_response())
}

fn short(field: &str, text: Option<&str>) -> Result<(), Problem> {
    match text {
        Some(text) if text.is_empty() || text.len() > MAX_NAME_BYTES => {
            let message = format!("must have 1 to {MAX_NAME_BYTES} bytes");
            Err(Problem::field("field_invalid", field, message))
        }
        _ => Ok(()),
    }
}

/// An interaction as its recorder sees it.
fn view(reported: &Reported) -> Value {
    let row = &reported.interaction;
    let users: Vec<_> =
        row.participants.iter().filter(|part| part.left.is_none()).map(|part| &part.user).collect();
    json!({
        "interactionId": row.id,
        "contactId": row.contact,
        "segmentId": row.segment,
        "record": reported.recorded,
        "demand": row.demand.name(),
        "masked": row.masked,
        "held": row.held,
        "users": users,
        "ended": row.ended,
    })
}

/// One event, or a list of them.
#[derive(Deserialize)]
#[serde(untagged)]
enum Events {
    Many(Vec<Value>),
    One(Value),
}

pub(super) async fn report(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = recorder(&state, &headers).await?;
    let id = InteractionId::parse(&id).map_err(|error| Problem::id("interactionId", &error))?;
    let values = match read::<Events>(body).await? {
        Events::Many(values) => values,
        Events::One(value) => vec![value],
    };
    if values.is_empty() || values.len() > MAX_EVENTS {
        let message = format!("must have 1 to {MAX_EVENTS} entries");
        return Err(Problem::field("field_invalid", "$", message));
    }
    let mut events = Vec::with_capacity(values.len());
    for (index, value) in values.into_iter().enumerate() {
        events.push(event(index, value)?);
    }
    let reported = state.control.report(caller(&principal), &id, &events).await;
    let reported = reported.map_err(|error: ControlError| channel(&error, state.clock.now()))?;
    Ok(Json(view(&reported)))
}

fn event(index: usize, value: Value) -> Result<Event, Problem> {
    let body: EventBody = serde_path_to_error::deserialize(value).map_err(|error| {
        let field = format!("[{index}].{}", error.path());
        Problem::field("field_invalid", field, error.into_inner().to_string())
    })?;
    short(&format!("[{index}].eventId"), body.event_id.as_deref())?;
    let named = body.event_id.map(|id| format!("event {id}"));
    Ok(Event {
        cause: named.unwrap_or_else(|| format!("event at {} {:?}", body.time, body.kind)),
        kind: body.kind,
        at: body.time,
        user: body.user_id,
        to: body.to_user_id,
    })
}
