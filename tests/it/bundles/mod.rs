//! Files made on request: ZIP files of recordings, and CSV files about them.

mod download;
mod extraction;

use std::process::Command;

use serde_json::{Value, json};

use crate::gateway::{Answer, Gateway, send, wait};

/// Sends JSON.
fn post(gateway: &Gateway, token: &str, path: &str, body: &str) -> Answer {
    let headers = [("authorization", token), ("content-type", "application/json")];
    send("POST", &format!("{}{path}", gateway.url), &headers, body.to_owned())
}

/// Runs a statement on the catalogue: how a test makes time pass.
pub(crate) fn sql(gateway: &Gateway, statement: &str) {
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1],timeout=20); \
                  c.execute(sys.argv[2]); c.commit()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite")).arg(statement);
    assert!(python.status().expect("python3").success());
}

/// Runs Python on a file: what it prints, as JSON.
fn python(script: &str, file: &std::path::Path) -> Value {
    let output = Command::new("python3").args(["-c", script]).arg(file).output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Waits until a request has this status.
fn reached(gateway: &Gateway, token: &str, request: &str, status: &str) -> Value {
    let path = format!("{}/media-download/v1/status/{request}", gateway.url);
    wait("the status of a download", || {
        let answer = send("GET", &path, &[("authorization", token)], "");
        let shown = answer.json();
        assert_eq!(answer.status, 200, "{shown}");
        (shown["status"] == status).then_some(shown)
    })
}

/// Asks for a download: its request id.
fn request(gateway: &Gateway, token: &str, kind: &str, ids: &[&str]) -> String {
    let body = json!({ "entityIds": ids }).to_string();
    let answer = post(gateway, token, &format!("/media-download/v1/{kind}"), &body);
    assert_eq!(answer.status, 202, "{}", String::from_utf8_lossy(&answer.body));
    answer.json()["requestId"].as_str().expect("a request id").to_owned()
}
