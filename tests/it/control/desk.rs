//! A caller of the CXone interface, and what its answers must be.

use std::process::Command;

use serde_json::Value;

use super::recorder::{Conduct, Recorder};
use crate::gateway::{Answer, Gateway, PROGRAM, send, try_send, wait};

pub(super) const SERVICE: &str = "/interaction-recording-management-service";
pub(super) const START: &str = "start-recording-on-demand";
pub(super) const STOP: &str = "stop-recording-on-demand";
pub(super) const DECLINE: &str = "do-not-record";
pub(super) const MASK: &str = "mask";
pub(super) const UNMASK: &str = "unmask";
pub(super) const STATUS: &str = "get-recording-status";
pub(super) const START_SCREEN: &str = "start-screen-interaction-recording";
pub(super) const STOP_SCREEN: &str = "stop-screen-interaction-recording";
pub(super) const DATA: &str = "business-data-update";

/// Every endpoint, and the parameters that it needs beside the user.
pub(super) const ENDPOINTS: [(&str, &str); 9] = [
    (START, ""),
    (STOP, ""),
    (DECLINE, ""),
    (MASK, ""),
    (UNMASK, ""),
    (STATUS, ""),
    (START_SCREEN, "&recordingDuration=3000"),
    (STOP_SCREEN, "&contactId=4711"),
    (DATA, ""),
];

/// A deadline that no test reaches, for recorders that answer or are waited for.
pub(super) const PATIENT: [(&str, &str); 4] = [
    ("CONTROL__DEADLINE_MS", "60000"),
    ("CONTROL__COMPLETION_MS", "600000"),
    ("CONTROL__RECORDER_EXPIRY_S", "3600"),
    ("CONTROL__INTERACTION_EXPIRY_S", "86400"),
];

/// Somebody who calls.
#[derive(Debug, Clone)]
pub(super) struct Desk {
    url: String,
    token: String,
}

impl Desk {
    pub(super) fn new(gateway: &Gateway, token: &str) -> Self {
        Self { url: gateway.url.clone(), token: token.to_owned() }
    }

    /// A path of the service, with more headers.
    pub(super) fn send(
        &self,
        (method, path): (&str, &str),
        headers: &[(&str, &str)],
        body: &str,
    ) -> Answer {
        let mut all = vec![("authorization", self.token.as_str())];
        all.extend_from_slice(headers);
        send(method, &format!("{}{SERVICE}{path}", self.url), &all, body.to_owned())
    }

    /// Calls an endpoint with a query.
    pub(super) fn ask(&self, endpoint: &str, query: &str) -> Answer {
        let (method, body) = method_and_body(endpoint);
        let path = format!("/v1/interactions/{endpoint}?{query}");
        self.send((method, &path), &[], body)
    }

    /// The same while the gateway may be killed.
    pub(super) fn try_ask(&self, endpoint: &str, query: &str) -> Option<Answer> {
        let (method, body) = method_and_body(endpoint);
        let url = format!("{}{SERVICE}/v1/interactions/{endpoint}?{query}", self.url);
        try_send(method, &url, &[("authorization", &self.token)], body)
    }

    /// Status and reason of what is recorded of a user, the same in both directions.
    pub(super) fn words(&self, user: &str) -> (String, String) {
        let body = answered(&self.ask(STATUS, &format!("userId={user}")), 200);
        assert_eq!(body["recordingStatusToAgent"], body["recordingStatusFromAgent"], "{body}");
        let text = |name: &str| body[name].as_str().expect("a text").to_owned();
        (text("recordingStatusToAgent"), text("statusReason"))
    }

    /// Holds status and reason of a user to these.
    pub(super) fn is(&self, user: &str, status: &str, reason: &str) {
        assert_eq!(self.words(user), (status.to_owned(), reason.to_owned()));
    }

    /// Waits until they are these.
    pub(super) fn becomes(&self, user: &str, status: &str, reason: &str) {
        let wanted = (status.to_owned(), reason.to_owned());
        wait("the status", || (self.words(user) == wanted).then_some(()));
    }
}

fn method_and_body(endpoint: &str) -> (&'static str, &'static str) {
    match endpoint {
        STATUS => ("GET", ""),
        DATA => ("POST", r#"[{"id":"order","value":"4711"}]"#),
        _ => ("POST", ""),
    }
}

/// A gateway, a recorder that listens and obeys, and a caller who may do all.
pub(super) struct Scene {
    pub(super) recorder: Recorder,
    pub(super) desk: Desk,
    pub(super) gateway: Gateway,
}

impl Scene {
    /// One in which nothing is over soon.
    pub(super) fn new() -> Self {
        Self::with(&[])
    }

    /// One with other settings.
    pub(super) fn with(settings: &[(&str, &str)]) -> Self {
        let kept = PATIENT.iter().filter(|(name, _)| !settings.iter().any(|(n, _)| n == name));
        let all: Vec<_> = kept.chain(settings).copied().collect();
        let gateway = Gateway::start(&all);
        let mut recorder = Recorder::new(&gateway, "rec-1");
        recorder.listen();
        let desk = Desk::new(&gateway, &gateway.token());
        Self { recorder, desk, gateway }
    }

    /// kill -9, and a new start; the recorder does not listen yet.
    pub(super) fn crash(&mut self) {
        self.gateway.kill();
        self.gateway.restart();
        self.recorder.follow(&self.gateway);
        self.desk = Desk::new(&self.gateway, &self.gateway.token());
    }

    /// The recorder is silent for so long that it cannot be reached; `user` is in an interaction
    /// of it that is recorded.
    pub(super) fn lose_recorder(&mut self, user: &str) {
        self.lose_recorder_after(1, user);
    }

    /// The same with so many seconds.
    pub(super) fn lose_recorder_after(&mut self, seconds: u32, user: &str) {
        self.recorder.hang_up();
        self.gateway.set("CONTROL__RECORDER_EXPIRY_S", &seconds.to_string());
        self.crash();
        let lost = || (self.desk.words(user).0 == "RecordingFailure").then_some(());
        wait("the loss of the recorder", lost);
    }

    /// A request while the recorder does not answer: what `during` does with its first command
    /// must end it.
    pub(super) fn in_flight(
        &self,
        endpoint: &str,
        query: &str,
        during: impl FnOnce(&Value),
    ) -> Answer {
        self.recorder.conduct(Conduct::Silent);
        self.recorder.forget();
        std::thread::scope(|scope| {
            let asked = scope.spawn(|| self.desk.ask(endpoint, query));
            let command = self.recorder.next();
            during(&command);
            self.recorder.conduct(Conduct::Obeys);
            asked.join().expect("an answer")
        })
    }

    /// Adds a user with these permissions; its `Authorization` value.
    pub(super) fn user(&self, tenant: &str, name: &str, permissions: &[&str]) -> String {
        add_user(&self.gateway, tenant, name, permissions)
    }
}

/// Adds a user with the command line; its `Authorization` value.
pub(super) fn add_user(
    gateway: &Gateway,
    tenant: &str,
    name: &str,
    permissions: &[&str],
) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["user", "add", name, "--json", "--tenant", tenant]);
    for permission in permissions {
        command.args(["--permission", permission]);
    }
    let output = command.arg("--data-dir").arg(gateway.data()).output().expect("the program");
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{text}");
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    format!("Bearer {}", value["token"].as_str().expect("a token"))
}

/// JSON with this status.
pub(super) fn answered(answer: &Answer, status: u16) -> Value {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status.as_u16(), status, "{text}");
    assert_eq!(answer.header("content-type"), "application/json", "{text}");
    let body = answer.json();
    assert!(body.is_object(), "{text}");
    body
}

/// The text that stands for a status.
fn word(status: u16) -> &'static str {
    match status {
        200 => "OK",
        202 => "ACCEPTED",
        400 => "BAD_REQUEST",
        401 => "UNAUTHORIZED",
        403 => "FORBIDDEN",
        404 => "NOT_FOUND",
        405 => "METHOD_NOT_ALLOWED",
        409 => "CONFLICT",
        413 => "PAYLOAD_TOO_LARGE",
        422 => "UNPROCESSABLE_ENTITY",
        425 => "TOO_EARLY",
        504 => "GATEWAY_TIMEOUT",
        _ => panic!("no word for {status}"),
    }
}

/// Holds a success to its members, and to no others.
pub(super) fn done(answer: &Answer, status: u16) -> Value {
    let body = answered(answer, status);
    assert_eq!(body["httpStatus"], word(status), "{body}");
    for name in ["description", "interactionId", "segmentId"] {
        assert!(body[name].as_str().is_some_and(|text| !text.is_empty()), "{name}: {body}");
    }
    assert!(body["contactId"].is_u64() || body["contactId"].is_string(), "{body}");
    let known = ["description", "contactId", "interactionId", "segmentId", "httpStatus"];
    let effect = ["effectiveTime", "mediaTimeMs"];
    for name in body.as_object().expect("an object").keys() {
        assert!(
            known.contains(&name.as_str()) || effect.contains(&name.as_str()),
            "{name}: {body}"
        );
    }
    body
}

/// Holds a refusal to its members and code.
pub(super) fn refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = answered(answer, status);
    assert_eq!(body["internalCode"], code, "{body}");
    assert_eq!(body["httpStatus"], word(status), "{body}");
    assert!(body["message"].as_str().is_some_and(|text| !text.is_empty()), "{body}");
    assert_eq!(body["description"], body["message"], "{body}");
    assert_eq!(answer.status == 425, !answer.header("retry-after").is_empty(), "{body}");
    body
}

/// Holds a refusal to these four members and no more.
pub(super) fn plainly_refused(answer: &Answer, status: u16, code: &str) -> Value {
    let body = refused(answer, status, code);
    let mut names: Vec<_> = body.as_object().expect("an object").keys().collect();
    names.sort_unstable();
    assert_eq!(names, ["description", "httpStatus", "internalCode", "message"], "{body}");
    body
}

/// 425 with a whole number of seconds, at most the longest deadline of these tests.
pub(super) fn locked(answer: &Answer) {
    plainly_refused(answer, 425, "LOCKED");
    let seconds: u64 = answer.header("retry-after").parse().expect("whole seconds");
    assert!((1..=600).contains(&seconds), "{seconds}");
}
