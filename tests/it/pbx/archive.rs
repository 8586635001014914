//! Archives of a period.

use std::process::Command;

use serde_json::{Value, json};

use super::{Office, assert_problem, sql, uuid};
use crate::gateway::{sample, send, wait};

fn body(more: Value) -> String {
    let mut body = json!({
        "start_datetime": "2026-03-01 00:00:00", "end_datetime": "2026-03-31 23:59:59",
    });
    for (name, value) in more.as_object().expect("members") {
        body[name] = value.clone();
    }
    body.to_string()
}

/// Waits until an archive is ready.
fn ready(office: &Office, id: &str) -> Value {
    wait("the archive", || {
        let answer = office.call("GET", &format!("/client/@me/record/archive/{id}"), "");
        assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
        let shown = answer.json();
        assert_ne!(shown["status"], "failed", "{shown}");
        (shown["status"] == "ready").then_some(shown)
    })
}

fn create(office: &Office, body: String) -> String {
    let answer = office.call("POST", "/client/@me/record/archive/", body);
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["status"], "queued");
    answer.json()["id"].as_str().expect("an id").to_owned()
}

#[test]
fn an_archive_holds_files_list_and_digests_for_twelve_hours() {
    let office = Office::open(&[]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    office.record(2, json!({}), "mp3_8k_16kbit_mono.mp3");
    let id = create(&office, body(json!({})));
    let shown = ready(&office, &id);
    let url = shown["url"].as_str().expect("a link").to_owned();
    let file = send("GET", &url, &[("authorization", "Bearer stray")], "");
    assert_eq!((file.status.as_u16(), file.header("content-type")), (200, "application/zip"));
    assert_eq!(shown["bytes"].as_u64(), Some(file.body.len() as u64));
    let part = send("GET", &url, &[("range", "bytes=10-19")], "");
    assert_eq!((part.status.as_u16(), &part.body[..]), (206, &file.body[10..20]));
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("records.zip");
    std::fs::write(&path, &file.body).expect("a file");
    let unzip = Command::new("unzip").arg("-q").arg(&path).arg("-d").arg(folder.path()).status();
    assert!(unzip.expect("unzip").success());
    let check = Command::new("sha256sum")
        .args(["--check", "--strict", "SHA256SUMS"])
        .current_dir(folder.path())
        .output()
        .expect("sha256sum");
    let text = String::from_utf8_lossy(&check.stdout).into_owned();
    assert!(check.status.success() && text.lines().count() == 3, "{text}");
    let records = std::fs::read(folder.path().join("records.json")).expect("records.json");
    let records: Vec<Value> = serde_json::from_slice(&records).expect("JSON");
    assert_eq!(records, office.march());
    for (record, name) in records.iter().zip(["wav_pcm16_8k_mono.wav", "mp3_8k_16kbit_mono.mp3"]) {
        let file = folder.path().join(record["file_name"].as_str().expect("a name"));
        assert_eq!(std::fs::read(file).expect("a file"), sample(name));
    }
    // Twelve hours and no more.
    let end = shown["expires_gmt"].as_str().expect("an end");
    assert_eq!(end.len(), 19);
    sql(
        &office.gateway,
        &format!(
            "UPDATE bundles SET expires_us = CAST(strftime('%s','now') AS INTEGER) * 1000000 \
         WHERE asset_id = '{id}'"
        ),
    );
    let gone = wait("the end", || {
        let answer = send("GET", &url, &[], "");
        (answer.status == 410).then_some(answer)
    });
    assert_problem(&gone, 410, "archive_expired");
    let shown = office.call("GET", &format!("/client/@me/record/archive/{id}"), "").json();
    assert_eq!((&shown["status"], shown.get("url")), (&json!("expired"), None));
}

#[test]
fn the_life_of_an_archive_is_twelve_hours_to_the_second() {
    let office = Office::open(&[]);
    let id = create(&office, body(json!({})));
    ready(&office, &id);
    let script = "import sqlite3,sys; c=sqlite3.connect(sys.argv[1]); \
                  print(c.execute('SELECT expires_us - updated_us FROM bundles').fetchone()[0])";
    let output = Command::new("python3")
        .args(["-c", script])
        .arg(office.gateway.data().join("catalog.sqlite"))
        .output()
        .expect("python3");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "43200000000");
}

#[test]
fn what_is_deleted_meanwhile_is_in_no_archive() {
    let office = Office::open(&[]);
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let name = uuid(&office.march()[0]);
    let id = create(&office, body(json!({})));
    let url = ready(&office, &id)["url"].as_str().expect("a link").to_owned();
    assert_eq!(send("GET", &url, &[], "").status, 200);
    assert_eq!(office.call("DELETE", &format!("/client/@me/record/{name}"), "").status, 204);
    wait("the end of the archive", || (send("GET", &url, &[], "").status == 410).then_some(()));
}

#[test]
fn requests_are_checked_and_asked_for_once() {
    let office = Office::open(&[("PBX__ARCHIVE_MAX_BYTES", "1000")]);
    let post = |body: String| office.call("POST", "/client/@me/record/archive/", body);
    for (more, status) in [
        (json!({"start_datetime": null}), "invalid_interval"),
        (json!({"end_datetime": "tomorrow"}), "invalid_interval"),
        (json!({"end_datetime": "2026-02-01 00:00:00"}), "invalid_interval"),
        (json!({"end_datetime": 7}), "invalid_parameter"),
        (json!({"email": "kim@example.com\r\nBcc: all@example.com"}), "invalid_parameter"),
        (json!({"email": "Kim <kim@example.com>"}), "invalid_parameter"),
        (json!({"email": "a@example.com, b@example.com"}), "invalid_parameter"),
        (json!({"email": "nobody"}), "invalid_parameter"),
        (json!({"email": format!("{}@example.com", "a".repeat(300))}), "invalid_parameter"),
        (json!({"email": ["a@example.com"]}), "invalid_parameter"),
        (json!({"language": "tlh"}), "invalid_parameter"),
    ] {
        assert_problem(&post(body(more)), 400, status);
    }
    for bad in ["", "[]", "{", "\"x\""] {
        assert_problem(&post(bad.to_owned()), 400, "invalid_body");
    }
    assert_problem(&post("x".repeat(5000)), 413, "body_too_large");
    assert_problem(
        &office.call("GET", "/client/@me/record/archive/", ""),
        405,
        "method_not_allowed",
    );
    assert_problem(&office.call("GET", "/client/@me/record/archive/x", ""), 404, "not_found");
    office.record(1, json!({}), "wav_pcm16_8k_mono.wav");
    let large = post(body(json!({})));
    assert_problem(&large, 413, "archive_too_large");
    assert!(large.json()["message"].as_str().is_some_and(|text| text.contains("1000 bytes")));
}

#[test]
fn the_same_request_is_the_same_archive_while_it_waits() {
    let office = Office::open(&[("PBX__ARCHIVE_QUEUE", "1")]);
    let id = create(&office, body(json!({})));
    ready(&office, &id);
    // What waits is put far off, so that it stays.
    let later = create(&office, body(json!({"email": "kim@example.com"})));
    assert_ne!(id, later);
    let first = ready(&office, &later);
    assert_eq!(first["mail"], "queued", "no relay is configured, and the letter waits: {first}");
    sql(
        &office.gateway,
        &format!(
            "UPDATE bundles SET state = 'wanted', run_at_us = 9000000000000000 WHERE asset_id = '{later}'"
        ),
    );
    assert_eq!(create(&office, body(json!({"email": "kim@example.com"}))), later);
    let full = office.call("POST", "/client/@me/record/archive/", body(json!({})));
    assert_problem(&full, 409, "archive_queue_full");
}
