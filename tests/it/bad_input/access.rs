//! Who may do what, and to whose recordings.

use std::process::Command;

use serde_json::Value;

use super::{Declared, problem};
use crate::gateway::{Answer, Gateway, PROGRAM, document, ids, sample, send};

const MONO: &str = "wav_pcm16_8k_mono.wav";

/// Adds a user by the command line while the gateway runs; its bearer credential.
fn add_user(gateway: &Gateway, tenant: &str, name: &str, permissions: &[&str]) -> String {
    let mut command = Command::new(PROGRAM);
    command.args(["user", "--json", "--tenant", tenant, "--data-dir"]).arg(gateway.data());
    command.args(["add", name]);
    permissions.iter().for_each(|permission| {
        command.args(["--permission", permission]);
    });
    let output = command.output().expect("the program");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let value: Value = serde_json::from_slice(&output.stdout).expect("one JSON line");
    format!("Bearer {}", value["token"].as_str().expect("a token"))
}

fn call(gateway: &Gateway, token: &str, method: &str, path: &str, body: Vec<u8>) -> Answer {
    send(method, &format!("{}{path}", gateway.url), &[("authorization", token)], body)
}

/// Every request of the ingest dialect that needs somebody.
fn requests(case: &Declared) -> Vec<(&'static str, String)> {
    let recording = format!("/ingest/v1/recordings/{}", case.recording);
    vec![
        ("POST", "/ingest/v1/recordings".to_owned()),
        ("PUT", recording.clone()),
        ("GET", recording.clone()),
        ("PUT", case.path()),
        ("POST", format!("{recording}/masks")),
        ("POST", format!("{recording}/complete")),
    ]
}

#[test]
fn without_a_token_nobody_is_let_in() {
    let case = Declared::new(&[], MONO);
    for (method, path) in requests(&case) {
        let answer = send(method, &format!("{}{path}", case.gateway.url), &[], "");
        problem(&answer, 401, "unauthenticated", "token");
        assert!(answer.header("www-authenticate").starts_with("Bearer"));
    }
    case.a_repeat_succeeds();
}

#[test]
fn an_unknown_token_lets_nobody_in() {
    let case = Declared::new(&[], MONO);
    let long = format!("Bearer {}", "x".repeat(10_000));
    for (method, path) in requests(&case) {
        for token in ["Bearer x", "Bearer ", "Bearer", "Basic eDp5", "Basic !", "Digest x", &long] {
            let answer = call(&case.gateway, token, method, &path, Vec::new());
            problem(&answer, 401, "unauthenticated", "token");
        }
    }
    case.a_repeat_succeeds();
}

#[test]
fn a_missing_permission_is_named() {
    let case = Declared::new(&[], MONO);
    let reader = add_user(&case.gateway, "default", "reader", &["ingest.read"]);
    let writer = add_user(&case.gateway, "default", "writer", &["ingest.write"]);
    for (method, path) in requests(&case) {
        let (token, needed) =
            if method == "GET" { (&writer, "ingest.read") } else { (&reader, "ingest.write") };
        let answer = call(&case.gateway, token, method, &path, case.bytes());
        problem(&answer, 403, "forbidden", needed);
    }
    case.nothing_left();
    let path = format!("/ingest/v1/recordings/{}", case.recording);
    let answer = call(&case.gateway, &reader, "GET", &path, Vec::new());
    assert_eq!(answer.status, 200);
    assert!(answer.json()["media"][0]["playUrl"].is_null());
    let answer = call(&case.gateway, &writer, "PUT", &case.path(), case.bytes());
    assert_eq!(answer.status, 201);
    case.ready();
    // A link is for those who may play.
    let status = call(&case.gateway, &reader, "GET", &path, Vec::new()).json();
    assert!(status["media"][0]["playUrl"].is_null(), "{status}");
}

#[test]
fn another_tenants_recording_is_not_there() {
    let case = Declared::new(&[], MONO);
    let all = ["ingest.read", "ingest.write", "play", "admin"];
    let stranger = add_user(&case.gateway, "elsewhere", "stranger", &all);
    let recording = format!("/ingest/v1/recordings/{}", case.recording);
    let masks = br#"[{"time":"2026-03-04T09:16:05.000Z","type":"paused"}]"#.to_vec();
    for (method, path, body) in [
        ("GET", recording.clone(), Vec::new()),
        ("PUT", case.path(), case.bytes()),
        ("POST", format!("{recording}/masks"), masks),
        ("POST", format!("{recording}/complete"), Vec::new()),
    ] {
        let answer = call(&case.gateway, &stranger, method, &path, body);
        problem(&answer, 404, "recording_unknown", "");
    }
    case.a_repeat_succeeds();
    // Both tenants may use the same ids.
    let document = document("wav_pcm16_8k_mono");
    let text = document.to_string().into_bytes();
    assert_eq!(call(&case.gateway, &stranger, "PUT", &recording, text).status, 201);
    let (_, media) = ids(&document);
    let path = format!("{recording}/media/{media}");
    let bytes = sample("wav_pcm16_8k_mono.wav");
    assert_eq!(call(&case.gateway, &stranger, "PUT", &path, bytes).status, 201);
}
