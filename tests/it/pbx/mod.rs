//! The call-record interface of a PBX, called as its known clients call it.

mod archive;
mod deletion;
mod files;
mod large;
mod limits;
mod links;
mod lists;
mod oauth;
mod tenants;
mod webhook;

use std::process::Command;

use reqwest::Body;
use serde_json::{Value, json};

use crate::gateway::{Answer, Gateway, PROGRAM, sample, send};

/// The extension of most records here, and its group.
const EXTENSION: i64 = 120_541;
const GROUP: i64 = 77;
/// The interval of the samples.
const MARCH: &str = "start_datetime=2026-03-01+00:00:00&end_datetime=2026-03-31+23:59:59";

/// A gateway with an application for everything.
pub(crate) struct Office {
    pub(crate) gateway: Gateway,
    /// `client_id` and `client_secret`.
    pub(crate) application: (String, String),
}

/// Adds a user or application with the command line; its password.
pub(crate) fn add(gateway: &Gateway, name: &str, kind: &str, more: &[&str]) -> String {
    let output = Command::new(PROGRAM)
        .args(["user", "add", name, "--json", "--credential", "password", "--kind", kind])
        .args(more)
        .arg("--data-dir")
        .arg(gateway.data())
        .output()
        .expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON object");
    value["password"].as_str().expect("a password").to_owned()
}

/// Every permission that the interface knows.
pub(crate) const ALL: [&str; 8] = [
    "--permission",
    "records.read",
    "--permission",
    "records.delete",
    "--permission",
    "records.hold",
    "--permission",
    "links.manage",
];

impl Office {
    pub(crate) fn open(settings: &[(&str, &str)]) -> Self {
        let gateway = Gateway::start(settings);
        let grants = ["--grant", "client_credentials", "--grant", "password", "--access", "all"];
        let more: Vec<&str> = ALL.into_iter().chain(grants).collect();
        let secret = add(&gateway, "crm-app", "application", &more);
        Self { gateway, application: ("crm-app".to_owned(), secret) }
    }

    /// A token of the application, asked for in a form.
    pub(crate) fn token(&self) -> String {
        let (id, secret) = &self.application;
        let form = format!("grant_type=client_credentials&client_id={id}&client_secret={secret}");
        let answer = self.token_request("", &form);
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json()["access_token"].as_str().expect("a token").to_owned()
    }

    pub(crate) fn token_request(&self, query: &str, form: &str) -> Answer {
        let kind = ("content-type", "application/x-www-form-urlencoded");
        let url = format!("{}/oauth/token{query}", self.gateway.url);
        send("POST", &url, &[kind], form.to_owned())
    }

    /// A request with a new token, as clients that ask for one each time.
    pub(crate) fn call(&self, method: &str, path: &str, body: impl Into<Body>) -> Answer {
        self.call_as(&self.token(), method, path, body)
    }

    pub(crate) fn call_as(
        &self,
        token: &str,
        method: &str,
        path: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        send(method, &format!("{}/api/ver1.0{path}", self.gateway.url), &headers, body)
    }

    /// Declares a call and pushes its sound; the recording's id.
    pub(crate) fn record(&self, number: u32, facts: Value, file: &str) -> String {
        let (id, document) = call(number, facts, file);
        assert_eq!(self.gateway.declare(&document).status, 201);
        let media = document["mediaFiles"][0]["mediaId"].as_str().expect("an id");
        assert_eq!(self.gateway.push(&id, media, sample(file)).status, 201);
        assert_eq!(self.gateway.settled(&id)["state"], "ready");
        id
    }

    /// The list of March, oldest first.
    pub(crate) fn march(&self) -> Vec<Value> {
        let answer = self.call("GET", &format!("/client/@me/record/?{MARCH}&order=asc"), "");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        answer.json().as_array().expect("an array").clone()
    }
}

/// `record_uuid` of an object of the list.
pub(crate) fn uuid(record: &Value) -> String {
    record["record_uuid"].as_str().expect("a name").to_owned()
}

/// A document of one call; `number` makes its minute.
pub(crate) fn call(number: u32, facts: Value, file: &str) -> (String, Value) {
    let id = format!("pbx-{number}");
    let (hour, minute) = (number / 60 % 24, number % 60);
    let start = format!("2026-03-04T{hour:02}:{minute:02}:00.000Z");
    let kind = if file.ends_with(".mp3") { "audio/mp3" } else { "audio/wav" };
    let mut given = json!({
        "flow": "in", "extension_id": EXTENSION, "extension_group_owner_id": GROUP,
        "extension_name": "01874*0541@pbx.example",
    });
    for (name, value) in facts.as_object().expect("facts") {
        given[name] = value.clone();
    }
    let document = json!({
        "id": id, "callerPhoneNumber": "+74950000001", "dialedPhoneNumber": "+74950000002",
        "region": "north", "callType": "Inbound",
        "mediaFiles": [{
            "callUUID": id, "mediaId": format!("{id}-media"), "type": kind, "startTime": start,
            "stopTime": format!("2026-03-04T{hour:02}:{minute:02}:12.000Z"),
            "parameters": {"id": id, "callUuid": id}
        }],
        "reelgate": {"call": given},
    });
    (id, document)
}

/// Runs a statement on the catalogue: how a test makes time pass.
pub(crate) fn sql(gateway: &Gateway, statement: &str) {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1],timeout=20); \
                  c.execute(sys.argv[2]); c.commit()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite")).arg(statement);
    assert!(python.status().expect("python3").success());
}

/// An error in the interface's form.
pub(crate) fn assert_problem(answer: &Answer, code: u16, status: &str) {
    let text = String::from_utf8_lossy(&answer.body).into_owned();
    assert_eq!(answer.status.as_u16(), code, "{text}");
    let body = answer.json();
    assert_eq!((&body["code"], &body["status"]), (&json!(code), &json!(status)), "{text}");
    assert!(body["message"].as_str().is_some_and(|message| !message.is_empty()), "{text}");
    for name in ["x-ratelimit-limit", "x-ratelimit-remaining", "x-ratelimit-reset"] {
        assert!(!answer.header(name).is_empty(), "{name} is missing");
    }
}
