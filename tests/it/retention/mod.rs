//! What is deleted is gone, from rows, links and stores; what is on hold is not deleted.

mod age;
mod archived;
mod deleted;
mod scale;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};

use crate::gateway::{Answer, Gateway, send, wait};
use crate::playback_api::sign_in;

/// All files below a folder, temporary ones too.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { found.push(path) }
        }
    }
    found.sort();
    found
}

fn stored(gateway: &Gateway) -> Vec<PathBuf> {
    files(&gateway.data().join("store"))
}

/// Waits until the store has nothing any more.
fn emptied(gateway: &Gateway) {
    wait("an empty store", || stored(gateway).is_empty().then_some(()));
}

/// Runs a statement on the catalogue, or reads with one: the rows as JSON.
fn sql(gateway: &Gateway, statement: &str) -> Value {
    let script = "import sqlite3,sys,json; c=sqlite3.connect(sys.argv[1],timeout=20); \
                  print(json.dumps(c.execute(sys.argv[2]).fetchall())); c.commit()";
    let mut python = Command::new("python3");
    python.args(["-c", script]).arg(gateway.data().join("catalog.sqlite")).arg(statement);
    let output = python.output().expect("python3");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

/// Somebody who may hold and delete, and nothing else.
fn keeper(gateway: &Gateway) -> String {
    sign_in(gateway, "default", "keeper", &["records.hold", "records.delete"])
}

fn request(gateway: &Gateway, token: &str, method: &str, path: &str, body: &Value) -> Answer {
    let headers = [("authorization", token), ("content-type", "application/json")];
    let body = if body.is_null() { String::new() } else { body.to_string() };
    send(method, &format!("{}/admin/v1/recordings/{path}", gateway.url), &headers, body)
}

fn delete(gateway: &Gateway, token: &str, id: &str) -> Answer {
    request(gateway, token, "DELETE", id, &Value::Null)
}

fn hold(gateway: &Gateway, token: &str, id: &str) -> Answer {
    request(gateway, token, "PUT", &format!("{id}/hold"), &json!({ "reason": "case 7" }))
}
