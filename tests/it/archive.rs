//! The archive: recordings move there and come back, and nothing is lost on the way.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use crate::gateway::{Answer, Gateway, send, wait};
use crate::peers::Apache;
use crate::playback_api::{ask, ask_until_ready, push_call, sign_in};

const JOBS: &str = "/archive-retrieval/v1/jobs";
const PLAY: &str = "/media-playback/v1/segments/segment-";

/// A gateway that archives everything at once into an Apache.
fn start(apache: &Apache, days: &str) -> Gateway {
    let password = apache.root.parent().unwrap().join("password");
    fs::write(&password, apache.password).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    Gateway::start(&[
        ("PLAY__REQUESTS", "1000000"),
        ("ARCHIVE__URL", &apache.url),
        ("ARCHIVE__USERNAME", apache.user),
        ("ARCHIVE__PASSWORD_FILE", password.to_str().unwrap()),
        ("ARCHIVE__RETRIES", "0"),
        ("RETENTION__ARCHIVE_AFTER_DAYS", days),
    ])
}

/// Files below a folder, but for temporary names.
fn files(folder: &Path) -> Vec<PathBuf> {
    let (mut folders, mut found) = (vec![folder.to_owned()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !path.file_name().unwrap().to_string_lossy().starts_with('.') {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

fn media(folder: &Path) -> Vec<PathBuf> {
    let named = |path: &PathBuf| path.to_string_lossy().contains(".wav");
    files(folder).into_iter().filter(named).collect()
}

fn archived(gateway: &Gateway, token: &str, id: &str) -> Value {
    wait("a recording in the archive", || {
        let answer = ask(gateway, token, &format!("{PLAY}{id}"));
        let shown = answer.json();
        match (answer.status.as_u16(), shown["internalCode"].as_str()) {
            (404, Some("ARCHIVED")) => Some(shown),
            // Before it, while it moves, and while its file is made.
            (200, _) => None,
            (202 | 425, Some("HELD" | "IN_PROGRESS")) => {
                assert!(answer.header("retry-after").parse::<u64>().is_ok());
                None
            }
            _ => panic!("{shown}"),
        }
    })
}

fn retrieve(gateway: &Gateway, token: &str, body: &Value) -> Answer {
    let headers = [("authorization", token), ("content-type", "application/json")];
    send("POST", &format!("{}{JOBS}", gateway.url), &headers, body.to_string())
}

fn job(gateway: &Gateway, token: &str, id: &str, status: &str) -> Value {
    wait("the status of a retrieval", || {
        let url = format!("{}{JOBS}/{id}", gateway.url);
        let shown = send("GET", &url, &[("authorization", token)], "").json();
        (shown["status"] == status).then_some(shown)
    })
}

fn in_seconds(seconds: i64) -> String {
    Timestamp::now().checked_add(SignedDuration::from_secs(seconds)).unwrap().to_string()
}

#[test]
fn a_recording_moves_to_the_archive_and_back() {
    let apache = Apache::start();
    let gateway = start(&apache, "0");
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let keeper = sign_in(&gateway, "default", "keeper", &["archive.retrieve"]);
    push_call(&gateway, "one");
    let shown = archived(&gateway, &token, "one");
    assert!(shown["retrieval"].as_str().unwrap().contains(JOBS), "{shown}");
    // It is there, and nothing of it is here any more: media, manifest, rendition.
    let store = gateway.data().join("store");
    wait("an empty store", || files(&store).is_empty().then_some(()));
    assert_eq!(files(&apache.root).len(), 2, "{:?}", files(&apache.root));
    let metrics = send("GET", &format!("{}/metrics", gateway.url), &[], "");
    let metrics = String::from_utf8(metrics.body).unwrap();
    assert!(metrics.contains("reelgate_recordings{tier=\"archived\"} 1"), "{metrics}");
    let status = gateway.status("one");
    assert_eq!(status["state"], "archived");
    let stages = status["media"][0]["stages"].as_array().unwrap();
    assert_eq!(stages.last().unwrap()["state"], "archived");

    // Back until an instant, by which it goes again by itself.
    let answer = retrieve(
        &gateway,
        &keeper,
        &json!({ "segmentIds": ["segment-one", "segment-nobody"], "returnDate": in_seconds(12),
            "name": "case 7" }),
    );
    let made = answer.json();
    assert_eq!(answer.status, 201, "{made}");
    assert_eq!((&made["name"], &made["counts"]["segments"]), (&json!("case 7"), &json!(1)));
    assert!(made["cost"]["bytes"].as_u64().unwrap() > 300_000, "{made}");
    let id = made["jobId"].as_str().unwrap();
    let done = job(&gateway, &keeper, id, "SUCCEEDED");
    assert_eq!(done["segments"][0]["status"], "SUCCEEDED", "{done}");
    let answer = ask_until_ready(&gateway, &token, &format!("{PLAY}one"));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let url = answer.json()["interactions"][0]["data"]["fileToPlayUrl"].clone();
    assert_eq!(send("GET", url.as_str().unwrap(), &[], "").status, 200);
    archived(&gateway, &token, "one");
    assert_eq!(send("GET", url.as_str().unwrap(), &[], "").status, 404);
    job(&gateway, &keeper, id, "EXPIRED");
    wait("an empty store", || files(&store).is_empty().then_some(()));

    // By a filter, and back when the job is taken back.
    let answer = retrieve(
        &gateway,
        &keeper,
        &json!({ "filter": { "contactIds": ["master-one"], "ani": "+15550100",
            "startDate": "2026-03-04", "endDate": "2026-03-04" }, "returnDate": in_seconds(90_000) }),
    );
    assert_eq!(answer.status, 201, "{}", answer.json());
    let id = answer.json()["jobId"].as_str().unwrap().to_owned();
    job(&gateway, &keeper, &id, "SUCCEEDED");
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}one")).status, 200);
    let url = format!("{}{JOBS}/{id}", gateway.url);
    let answer = send("DELETE", &url, &[("authorization", &keeper)], "");
    assert_eq!((answer.status.as_u16(), &answer.json()["status"]), (200, &json!("CANCELLED")));
    archived(&gateway, &token, "one");
    assert_eq!(send("DELETE", &url, &[("authorization", &keeper)], "").status, 404);
}

#[test]
fn an_archive_that_is_away_is_waited_for() {
    let mut apache = Apache::start();
    let gateway = start(&apache, "0");
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    apache.stop();
    push_call(&gateway, "one");
    wait("a move that waits", || gateway.log().contains("move waits").then_some(()));
    // Meanwhile it is played as before.
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}one")).status, 200);
    apache.restart();
    archived(&gateway, &token, "one");
}

#[test]
fn what_was_changed_in_the_archive_does_not_come_back() {
    let apache = Apache::start();
    let gateway = start(&apache, "0");
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let keeper = sign_in(&gateway, "default", "keeper", &["archive.retrieve"]);
    push_call(&gateway, "one");
    archived(&gateway, &token, "one");
    let [file] = &media(&apache.root)[..] else { panic!("{:?}", files(&apache.root)) };
    let mut bytes = fs::read(file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(file, bytes).unwrap();
    let body = json!({ "segmentIds": ["segment-one"], "returnDate": in_seconds(600) });
    let id = retrieve(&gateway, &keeper, &body).json()["jobId"].as_str().unwrap().to_owned();
    let shown = job(&gateway, &keeper, &id, "FAILED");
    let reason = shown["segments"][0]["failureReason"].as_str().unwrap();
    assert!(reason.contains("not what was stored"), "{shown}");
    archived(&gateway, &token, "one");
    assert_eq!(media(&gateway.data().join("store")), Vec::<PathBuf>::new());
}

#[test]
fn what_was_damaged_in_the_archive_while_it_was_back_is_mended() {
    let apache = Apache::start();
    let gateway = start(&apache, "0");
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let keeper = sign_in(&gateway, "default", "keeper", &["archive.retrieve"]);
    push_call(&gateway, "one");
    archived(&gateway, &token, "one");
    let body = json!({ "segmentIds": ["segment-one"], "returnDate": in_seconds(600) });
    let id = retrieve(&gateway, &keeper, &body).json()["jobId"].as_str().unwrap().to_owned();
    job(&gateway, &keeper, &id, "SUCCEEDED");
    let [file] = &media(&apache.root)[..] else { panic!("{:?}", files(&apache.root)) };
    let whole = fs::read(file).unwrap();
    fs::write(file, &whole[1..]).unwrap();
    let url = format!("{}{JOBS}/{id}", gateway.url);
    assert_eq!(send("DELETE", &url, &[("authorization", &keeper)], "").status, 200);
    archived(&gateway, &token, "one");
    assert!(fs::read(file).unwrap() == whole, "the only whole copy was removed");
}

#[test]
fn an_archive_that_is_the_store_takes_nothing_away() {
    let apache = Apache::start();
    let password = apache.root.parent().unwrap().join("password");
    fs::write(&password, apache.password).unwrap();
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(&password, fs::Permissions::from_mode(0o600)).unwrap();
    let same = apache.url.replace("127.0.0.1", "localhost");
    let password = password.to_str().unwrap();
    let gateway = Gateway::start(&[
        ("STORE__URL", &apache.url),
        ("STORE__USERNAME", apache.user),
        ("STORE__PASSWORD_FILE", password),
        ("ARCHIVE__URL", &same),
        ("ARCHIVE__USERNAME", apache.user),
        ("ARCHIVE__PASSWORD_FILE", password),
        ("RETENTION__ARCHIVE_AFTER_DAYS", "0"),
    ]);
    push_call(&gateway, "one");
    wait("a refusal", || gateway.log().contains("are one place").then_some(()));
    assert_eq!(media(&apache.root).len(), 1);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    assert_eq!(ask_until_ready(&gateway, &token, &format!("{PLAY}one")).status, 200);
}

#[test]
fn moves_survive_kills() {
    let apache = Apache::start();
    let mut gateway = start(&apache, "0");
    let names: Vec<String> = (0..6).map(|number| format!("call{number}")).collect();
    for name in &names {
        push_call(&gateway, name);
    }
    for round in 0..5 {
        // Killed at another place of the move each time: as soon as one more file is there.
        wait("a move", || (media(&apache.root).len() > round).then_some(()));
        gateway.kill();
        gateway.restart();
    }
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    for name in &names {
        archived(&gateway, &token, name);
    }
    let store = gateway.data().join("store");
    wait("an empty store", || media(&store).is_empty().then_some(()));
    assert_eq!(media(&apache.root).len(), names.len());
    for name in &names {
        let keeper = gateway.token();
        let body =
            json!({ "segmentIds": [format!("segment-{name}")], "returnDate": in_seconds(600) });
        assert_eq!(retrieve(&gateway, &keeper, &body).status, 201);
    }
    for name in &names {
        let answer = ask_until_ready(&gateway, &token, &format!("{PLAY}{name}"));
        assert_eq!(answer.status, 200, "{}", answer.json());
    }
}

#[test]
fn bad_retrievals_are_refused_by_name() {
    let gateway = Gateway::start(&[]);
    let token = sign_in(&gateway, "default", "keeper", &["archive.retrieve"]);
    let deaf = sign_in(&gateway, "default", "deaf", &["play.any"]);
    let day = in_seconds(90_000);
    let one = json!(["a"]);
    for (body, status, word) in [
        (json!({}), 400, "returnDate"),
        (json!({ "returnDate": day }), 400, "segmentIds"),
        (json!({ "returnDate": day, "segmentIds": one, "filter": {} }), 400, "exactly one"),
        (json!({ "returnDate": day, "segmentIds": [] }), 400, "segmentIds"),
        (json!({ "returnDate": day, "segmentIds": ["a", ".."] }), 400, "segmentIds[1]"),
        (json!({ "returnDate": day, "filter": {} }), 400, "filter"),
        (json!({ "returnDate": day, "filter": { "contactIds": [1] } }), 400, "contactIds[0]"),
        (json!({ "returnDate": day, "filter": { "startDate": "2026-03-04" } }), 400, "together"),
        (
            json!({ "returnDate": day,
                "filter": { "startDate": "2026-03-04", "endDate": "2026-03-01" } }),
            400,
            "filter.endDate",
        ),
        (json!({ "returnDate": "2020-01-01", "segmentIds": one }), 400, "returnDate"),
        (json!({ "returnDate": "2099-01-01", "segmentIds": one }), 400, "366"),
        (json!({ "returnDate": "soon", "segmentIds": one }), 400, "returnDate"),
        (json!({ "returnDate": day, "segmentIds": one, "name": "n".repeat(201) }), 400, "name"),
        (json!({ "returnDate": day, "segmentIds": one }), 404, "archive"),
    ] {
        let answer = retrieve(&gateway, &token, &body);
        let shown = answer.json();
        assert_eq!(answer.status, status, "{body} {shown}");
        assert!(shown["message"].as_str().unwrap().contains(word), "{body} {shown}");
    }
    let good = json!({ "returnDate": day, "segmentIds": one });
    assert_eq!(retrieve(&gateway, &deaf, &good).status, 403);
    assert_eq!(retrieve(&gateway, "Bearer no", &good).status, 401);
    let url = format!("{}{JOBS}/nobody", gateway.url);
    assert_eq!(send("GET", &url, &[("authorization", &token)], "").status, 404);
}
