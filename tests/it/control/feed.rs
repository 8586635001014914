//! `RECORDING_STATUS` over a WebSocket.

use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream, connect_async};

use super::desk::{DECLINE, Desk, MASK, SERVICE, START, STOP, Scene, UNMASK, answered, done};
use super::recorder::Recorder;
use crate::gateway::{Gateway, block_on, send};

/// A bound for a test that would hang otherwise.
const PATIENCE: Duration = Duration::from_secs(60);

/// A subscriber.
struct Listener(WebSocketStream<MaybeTlsStream<TcpStream>>);

impl Listener {
    fn new(gateway: &Gateway, token: &str) -> Self {
        let url = gateway.url.replacen("http://", "ws://", 1);
        let url = format!("{url}{SERVICE}/v1/recording-status");
        let mut request = url.into_client_request().expect("a request");
        request.headers_mut().insert("authorization", token.parse().expect("a header"));
        let connected = block_on(connect_async(request));
        Self(connected.expect("a WebSocket").0)
    }

    /// The next message.
    fn next(&mut self) -> Value {
        block_on(async {
            loop {
                let next = tokio::time::timeout(PATIENCE, self.0.next()).await;
                let message = next.expect("a message in time").expect("an open socket");
                if let Message::Text(text) = message.expect("a message") {
                    return serde_json::from_str(&text).expect("JSON");
                }
            }
        })
    }

    /// The next change: two messages, one for each direction, else the same.
    fn change(&mut self) -> Value {
        let [to, from] = [self.next(), self.next()];
        assert_eq!(to["data"]["payload"]["streamDirection"], "ToAgent", "{to}");
        let mut expected = to.clone();
        expected["data"]["payload"]["streamDirection"] = json!("FromAgent");
        assert_eq!(from, expected);
        to
    }

    /// Interaction, status and reason of the next change.
    fn words(&mut self) -> [String; 3] {
        let change = self.change();
        ["interactionId", "status", "reason"]
            .map(|name| change["data"]["payload"][name].as_str().expect("a text").to_owned())
    }
}

#[test]
fn a_message_has_exactly_the_published_names() {
    let scene = Scene::new();
    let mut listener = Listener::new(&scene.gateway, &scene.gateway.token());
    let mut body = scene.recorder.call_body("4711", &["7"]);
    body["segmentId"] = json!("seg-1");
    let before = jiff::Timestamp::now();
    assert_eq!(scene.recorder.announce("i1", &body).status, 201);
    let message = listener.change();
    let (id, at) = (
        message["headers"]["notificationUuid"].clone(),
        message["data"]["payload"]["timestamp"].clone(),
    );
    assert_eq!(
        message,
        json!({
            "command": "MESSAGE",
            "headers": { "notificationUuid": id },
            "data": {
                "notificationTemplate": "RECORDING_STATUS",
                "payload": {
                    "status": "Recording", "streamDirection": "ToAgent", "reason": "Policy",
                    "contactId": "4711", "segmentId": "seg-1", "recordingId": "i1",
                    "timestamp": at, "interactionId": "i1", "contactNo": "4711",
                },
            },
        })
    );
    uuid::Uuid::parse_str(id.as_str().unwrap()).expect("a UUID");
    // Milliseconds and Z; the instant of the change.
    let at = at.as_str().unwrap();
    assert!(at.ends_with('Z') && at.as_bytes()[at.len() - 5] == b'.', "{at}");
    let at: jiff::Timestamp = at.parse().unwrap();
    assert!(at.as_millisecond() >= before.as_millisecond() && at <= jiff::Timestamp::now());
}

#[test]
fn each_change_is_told_once_and_nothing_else_is() {
    let scene = Scene::new();
    let mut listener = Listener::new(&scene.gateway, &scene.gateway.token());
    scene.recorder.begin("i1", "100", &["7"]);
    assert_eq!(listener.words(), ["i1", "Recording", "Policy"]);
    for (order, status, reason) in [
        (START, "Recording", "RecordOnDemand"),
        (MASK, "Stopped", "Mask"),
        (UNMASK, "Recording", "RecordOnDemand"),
        (STOP, "Stopped", "StopOnDemand"),
        (START, "Recording", "RecordOnDemand"),
        (DECLINE, "Stopped", "CustomerDisconsent"),
    ] {
        done(&scene.desk.ask(order, "userId=7"), 200);
        assert_eq!(listener.words(), ["i1", status, reason]);
        // Nothing changes, and nothing is told.
        done(&scene.desk.ask(order, "userId=7"), 200);
    }
    scene.recorder.begin("i2", "200", &["8"]);
    assert_eq!(listener.words(), ["i2", "Recording", "Policy"]);
    scene.recorder.tell("i2", "alive", &[]);
    scene.recorder.tell("i2", "joined", &["9"]);
    scene.recorder.tell("i2", "held", &[]);
    assert_eq!(listener.words(), ["i2", "Recording", "Hold"]);
}

#[test]
fn each_leg_of_a_declined_contact_is_told() {
    let scene = Scene::new();
    scene.recorder.begin("i1", "100", &["7"]);
    scene.recorder.begin("i2", "100", &["8"]);
    let mut listener = Listener::new(&scene.gateway, &scene.gateway.token());
    done(&scene.desk.ask(DECLINE, "userId=7"), 200);
    let mut told = [listener.words(), listener.words()];
    told.sort_unstable();
    for (words, interaction) in told.iter().zip(["i1", "i2"]) {
        assert_eq!(*words, [interaction, "Stopped", "CustomerDisconsent"]);
    }
}

#[test]
fn another_tenant_is_not_heard() {
    let scene = Scene::new();
    let token = scene.user("other", "other", &["recorder", "events.read", "record.mask"]);
    let mut own = Listener::new(&scene.gateway, &scene.gateway.token());
    let mut theirs = Listener::new(&scene.gateway, &token);
    let recorder = Recorder::of(&scene.gateway, &token, "rec-1");
    recorder.can(&["voice"]);
    recorder.begin("foreign", "100", &["7"]);
    done(&Desk::new(&scene.gateway, &token).ask(MASK, "userId=7"), 200);
    scene.recorder.begin("own", "100", &["7"]);
    assert_eq!(own.words(), ["own", "Recording", "Policy"]);
    assert_eq!(theirs.words(), ["foreign", "Recording", "Policy"]);
    assert_eq!(theirs.words(), ["foreign", "Stopped", "Mask"]);
}

#[test]
fn several_subscribers_hear_the_same() {
    let scene = Scene::new();
    let token = scene.user("default", "listener", &["events.read"]);
    let mut all = [scene.gateway.token(), token].map(|token| Listener::new(&scene.gateway, &token));
    scene.recorder.begin("i1", "100", &["7"]);
    let [first, second] = all.each_mut().map(Listener::change);
    assert_eq!(first, second);
}

#[test]
fn subscribing_needs_its_permission_and_an_upgrade() {
    let scene = Scene::new();
    let others = ["record.on_demand", "record.mask", "record.screen", "recorder", "admin"];
    let forbidden = scene.user("default", "others", &others);
    let url = format!("{}{SERVICE}/v1/recording-status", scene.gateway.url);
    let upgrade = [
        ("connection", "upgrade"),
        ("upgrade", "websocket"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];
    for (token, status, code) in [
        ("", 401, "UNAUTHORIZED"),
        ("Bearer x", 401, "UNAUTHORIZED"),
        (&forbidden, 403, "FORBIDDEN"),
    ] {
        let mut headers = upgrade.to_vec();
        headers.push(("authorization", token));
        let body = answered(&send("GET", &url, &headers, ""), status);
        assert_eq!(body["internalCode"], code, "{body}");
    }
    let token = scene.gateway.token();
    let answer = send("GET", &url, &[("authorization", &token)], "");
    assert!(answer.status.is_client_error(), "{}", answer.status);
    assert!(answered(&answer, answer.status.as_u16())["internalCode"].is_string());
}

#[test]
fn a_subscriber_that_talks_is_not_cut_off_and_the_end_of_the_gateway_is_told() {
    use futures_util::SinkExt as _;

    let mut scene = Scene::new();
    let mut listener = Listener::new(&scene.gateway, &scene.gateway.token());
    block_on(listener.0.send(Message::Text("ping".into()))).expect("sent");
    scene.recorder.begin("i1", "100", &["7"]);
    assert_eq!(listener.words(), ["i1", "Recording", "Policy"]);
    assert_eq!(scene.gateway.terminate(), Some(0));
    let ended = block_on(async {
        tokio::time::timeout(PATIENCE, listener.0.next()).await.expect("an end in time")
    });
    assert!(!matches!(ended, Some(Ok(Message::Text(_)))), "{ended:?}");
}
