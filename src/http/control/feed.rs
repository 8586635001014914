//! `RECORDING_STATUS` over a WebSocket: each change of status on this node, one message for each
//! direction of the call.

use axum::extract::State as Shared;
use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade};
use axum::response::Response;
use http::HeaderMap;
use tokio::sync::broadcast::error::RecvError;

use super::super::cxone::Problem;
use crate::http::{State, auth};
use crate::identity::{Permission, Principal};

/// Largest message that a subscriber may send, in bytes: there is nothing to say.
const MAX_INCOMING_BYTES: usize = 4096;

pub(super) async fn subscribe(
    Shared(state): Shared<State>,
    headers: HeaderMap,
    upgrade: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let principal = auth::require(&state.identity, &headers, Permission::EventsRead).await?;
    let upgrade = upgrade.map_err(|error| Problem::body(error.body_text()))?;
    let limited = upgrade.max_message_size(MAX_INCOMING_BYTES);
    Ok(limited.on_upgrade(move |socket| feed(state, principal, socket)))
}

async fn feed(state: State, principal: Principal, mut socket: WebSocket) {
    let (mut events, mut stopping) = (state.control.subscribe(), state.stopping.clone());
    while !*stopping.borrow() {
        let event = tokio::select! {
            event = events.recv() => event,
            incoming = socket.recv() => match incoming {
                Some(Ok(_)) => continue,
                Some(Err(_)) | None => return,
            },
            _ = stopping.changed() => continue,
        };
        match event {
            Ok(event) if event.tenant == principal.tenant => {
                for direction in ["ToAgent", "FromAgent"] {
                    let text = Utf8Bytes::from(event.message(direction).to_string());
                    if socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
            }
            Ok(_) => {}
            // A subscriber that is too slow must ask for the status of what it missed: it is cut
            // off, so that it knows.
            Err(RecvError::Lagged(_) | RecvError::Closed) => return,
        }
    }
}
