//! Commands to recorders: server-sent events or long poll, and their acknowledgement. A command is
//! delivered until it is acknowledged, so a recorder may see one twice; its id tells.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::Json;
use axum::body::Body;
use axum::extract::State as Shared;
use axum::response::sse::{self, KeepAlive, Sse};
use axum::response::{IntoResponse as _, Response};
use futures_util::{Stream, stream};
use http::header::ACCEPT;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::{Value, json};

use super::super::ingest::Problem;
use super::channel::{caller, read, recorder};
use super::problem::channel;
use crate::asset::RecorderId;
use crate::catalog::{CommandRow, CommandState};
use crate::control::{Ack, AckState, Caller, ControlError};
use crate::http::State;
use crate::http::path::Names;
use crate::identity::Principal;

/// How often the rows are looked at when no bell rings: another node may have written one.
const LOOK: Duration = Duration::from_secs(1);
/// How often an idle stream says something.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// Longest wait of a long poll, in seconds.
const MAX_WAIT_S: u64 = 60;
/// Longest `reason` of an acknowledgement, in characters.
const MAX_REASON_CHARS: usize = 500;

/// `GET …/commands`: a stream for a caller that accepts one, else a long poll with `?wait=`.
pub(super) async fn get(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response, Problem> {
    let principal = recorder(&state, &headers).await?;
    let id = RecorderId::parse(&id).map_err(|error| Problem::id("recorderId", &error))?;
    let failed = |error: ControlError| channel(&error, state.clock.now());
    state.control.commands(caller(&principal), &id).await.map_err(failed)?;
    let accepted = headers.get(ACCEPT).and_then(|value| value.to_str().ok());
    if accepted.is_some_and(|accepted| accepted.contains("text/event-stream")) {
        // That it stays open shows nothing: so does one whose recorder lost its power.
        state.control.saw(caller(&principal), &id).await.map_err(failed)?;
        let stream = Sse::new(events(state, principal, id));
        let quiet = KeepAlive::new().interval(KEEP_ALIVE);
        return Ok(stream.keep_alive(quiet).into_response());
    }
    let wait = wait(&uri)?;
    let commands = poll(&state, caller(&principal), &id, wait).await.map_err(failed)?;
    let list: Vec<Value> = commands.iter().map(view).collect();
    Ok(Json(json!({ "commands": list })).into_response())
}

fn wait(uri: &Uri) -> Result<Duration, Problem> {
    let query = uri.query().unwrap_or_default();
    let mut pairs = url::form_urlencoded::parse(query.as_bytes());
    let Some((_, text)) = pairs.find(|(name, _)| name == "wait") else {
        return Ok(Duration::ZERO);
    };
    let seconds: Option<u64> = text.parse().ok().filter(|seconds| *seconds <= MAX_WAIT_S);
    seconds.map(Duration::from_secs).ok_or_else(|| {
        let message = format!("must be a whole number of seconds, at most {MAX_WAIT_S}");
        Problem::field("parameter_invalid", "wait", message)
    })
}

async fn poll(
    state: &State,
    caller: Caller<'_>,
    id: &RecorderId,
    wait: Duration,
) -> Result<Vec<CommandRow>, ControlError> {
    let bell = state.control.command_bell(caller.tenant, id);
    let (mut stopping, end) = (state.stopping.clone(), tokio::time::Instant::now() + wait);
    loop {
        let rung = bell.notified();
        tokio::pin!(rung);
        rung.as_mut().enable();
        state.control.saw(caller, id).await?;
        let commands = state.control.commands(caller, id).await?;
        let over = tokio::time::Instant::now() >= end || *stopping.borrow();
        // What the recorder accepted is listed, but it knows that already.
        let news = commands.iter().any(|command| command.state != CommandState::Accepted);
        if over || news {
            return Ok(commands);
        }
        tokio::select! {
            () = rung => {}
            () = tokio::time::sleep(LOOK) => {}
            () = tokio::time::sleep_until(end) => {}
            _ = stopping.changed() => {}
        }
    }
}

/// A stream under way.
struct Channel {
    state: State,
    principal: Principal,
    id: RecorderId,
    /// Positions sent on this stream; a new stream begins with all that is open.
    sent: HashSet<i64>,
    waiting: Vec<CommandRow>,
}

/// The commands of a recorder, as they are given. Ends when the gateway stops, or the recorder
/// belongs to the caller no more.
fn events(
    state: State,
    principal: Principal,
    id: RecorderId,
) -> impl Stream<Item = Result<sse::Event, Infallible>> {
    let (sent, waiting) = (HashSet::new(), Vec::new());
    let channel = Channel { state, principal, id, sent, waiting };
    stream::unfold(channel, |mut channel| async move {
        let command = channel.next().await?;
        let event = sse::Event::default()
            .id(command.position.to_string())
            .event("command")
            .data(view(&command).to_string());
        Some((Ok(event), channel))
    })
}

impl Channel {
    async fn next(&mut self) -> Option<CommandRow> {
        let bell = self.state.control.command_bell(&self.principal.tenant, &self.id);
        let mut stopping = self.state.stopping.clone();
        loop {
            if let Some(command) = self.waiting.pop() {
                self.sent.insert(command.position);
                return Some(command);
            }
            let rung = bell.notified();
            tokio::pin!(rung);
            rung.as_mut().enable();
            let caller = caller(&self.principal);
            let mut open = self.state.control.commands(caller, &self.id).await.ok()?;
            self.sent.retain(|position| open.iter().any(|row| row.position == *position));
            open.retain(|row| !self.sent.contains(&row.position));
            open.reverse();
            self.waiting = open;
            if *stopping.borrow() {
                return None;
            }
            if !self.waiting.is_empty() {
                continue;
            }
            tokio::select! {
                () = rung => {}
                () = tokio::time::sleep(LOOK) => {}
                _ = stopping.changed() => {}
            }
        }
    }
}

/// A command as a recorder reads it.
fn view(command: &CommandRow) -> Value {
    let argument = command.new.argument.as_deref().unwrap_or("{}");
    let mut view = json!({
        "commandId": command.new.id,
        "position": command.position,
        "type": command.new.kind.name(),
        "interactionId": command.new.interaction,
        "contactId": command.contact,
        "state": command.state.name(),
        "issuedAt": format!("{:.3}", command.issued),
    });
    let more: Option<serde_json::Map<String, Value>> = serde_json::from_str(argument).ok();
    if let (Some(map), Some(more)) = (view.as_object_mut(), more) {
        map.extend(more);
    }
    view
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct AckBody {
    state: AckState,
    effective_at: Option<Timestamp>,
    media_time_ms: Option<u32>,
    reason: Option<String>,
}

/// `POST /control/v1/commands/{commandId}/ack`.
pub(super) async fn acknowledge(
    Shared(state): Shared<State>,
    Names(id, _): Names<String, Problem>,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<Value>, Problem> {
    let principal = recorder(&state, &headers).await?;
    let body: AckBody = read(body).await?;
    let reason = body.reason.map(|text| text.chars().take(MAX_REASON_CHARS).collect());
    let ack = Ack {
        state: body.state,
        effective: body.effective_at,
        media_ms: body.media_time_ms.map(i64::from),
        reason,
    };
    let command = state.control.acknowledge(caller(&principal), &id, &ack).await;
    let command = command.map_err(|error| channel(&error, state.clock.now()))?;
    Ok(Json(view(&command)))
}
