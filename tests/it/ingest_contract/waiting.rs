//! When the 2xx is given, and how long a file waits for its masks.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::receipts::verified;
use super::{MONO, mono};
use crate::bad_input::problem;
use crate::gateway::{Answer, Gateway, ids, sample, send};

/// Declares the sample and pushes it with this `Prefer`.
fn push(gateway: &Gateway, document: &Value, prefer: Option<&str>) -> Answer {
    let (recording, media) = ids(document);
    gateway.declare(document);
    let url = format!("{}/ingest/v1/recordings/{recording}/media/{media}", gateway.url);
    let token = gateway.token();
    let mut headers = vec![("authorization", token.as_str())];
    headers.extend(prefer.map(|prefer| ("prefer", prefer)));
    send("PUT", &url, &headers, sample(MONO))
}

fn stored(gateway: &Gateway, answer: &Answer) {
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let body = answer.json();
    assert_eq!(body["state"], "ready", "{body}");
    let receipt = body["receipt"].as_str().unwrap();
    assert_eq!(verified(gateway, receipt)["state"], "stored");
    assert_eq!(gateway.status(&ids(&mono()).0)["media"][0]["receipt"], receipt);
}

fn spooled(gateway: &Gateway, answer: &Answer) {
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let receipt = answer.json()["receipt"].as_str().unwrap().to_owned();
    assert_eq!(verified(gateway, &receipt)["state"], "spooled");
}

#[test]
fn prefer_wait_answers_when_the_asset_is_stored() {
    let gateway = Gateway::start(&[]);
    let answer = push(&gateway, &mono(), Some("wait=20"));
    stored(&gateway, &answer);
    let again = push(&gateway, &mono(), Some("wait=20"));
    assert_eq!(again.status, 200);
    assert_eq!(again.json()["receipt"], answer.json()["receipt"], "a repeat has the same receipt");
    let again = push(&gateway, &mono(), None);
    assert_eq!(again.json()["receipt"], answer.json()["receipt"]);
}

#[test]
fn ack_stored_answers_when_the_asset_is_stored() {
    let gateway = Gateway::start(&[("INGEST__ACK", "stored")]);
    stored(&gateway, &push(&gateway, &mono(), None));
}

#[test]
fn respond_async_does_not_wait() {
    let gateway = Gateway::start(&[("INGEST__ACK", "stored")]);
    let mut document = mono();
    // It would wait for masks a quarter of an hour.
    document["reelgate"]["masksComplete"] = false.into();
    let begun = Instant::now();
    let answer = push(&gateway, &document, Some("respond-async"));
    assert!(begun.elapsed() < Duration::from_secs(10));
    spooled(&gateway, &answer);
    assert_eq!(answer.json()["state"], "spooled");
}

#[test]
fn a_wait_that_passes_answers_spooled() {
    let gateway = Gateway::start(&[]);
    let mut document = mono();
    document["reelgate"]["masksComplete"] = false.into();
    let answer = push(&gateway, &document, Some("wait=1"));
    spooled(&gateway, &answer);
    assert_eq!(answer.json()["state"], "spooled");
}

#[test]
fn a_file_that_was_announced_incomplete_waits_until_mask_wait_passes() {
    let gateway = Gateway::start(&[("MASK__WAIT_S", "2")]);
    let mut document = mono();
    document["reelgate"]["masksComplete"] = false.into();
    let recording = ids(&document).0;
    let begun = Instant::now();
    spooled(&gateway, &push(&gateway, &document, None));
    let status = gateway.status(&recording);
    assert_eq!(status["masksComplete"], false);
    let status = gateway.settled(&recording);
    assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
    assert_eq!(status["state"], "ready", "{status}");
    assert_eq!(status["media"][0]["spans"][0]["fromMs"], 5000);
}

#[test]
fn masks_add_up_and_complete_begins_the_work() {
    let gateway = Gateway::start(&[]);
    let mut document = mono();
    document["reelgate"]["masksComplete"] = false.into();
    let recording = ids(&document).0;
    spooled(&gateway, &push(&gateway, &document, None));
    let path = format!("/ingest/v1/recordings/{recording}");
    let masks = json!([
        {"time": "2026-03-04T09:16:10.000Z", "type": "paused"},
        {"time": "2026-03-04T09:16:11.000Z", "type": "resume"}
    ]);
    let answer = gateway.call("POST", &format!("{path}/masks"), masks.to_string());
    assert_eq!(answer.status, 200, "{}", String::from_utf8_lossy(&answer.body));
    let expected = json!([
        {"fromMs": 5000, "toMs": 8000, "reason": "paused"},
        {"fromMs": 10000, "toMs": 11000, "reason": "paused"}
    ]);
    assert_eq!(answer.json()["media"][0]["spans"], expected);
    assert_eq!(gateway.status(&recording)["state"], "spooled");
    let answer = gateway.call("POST", &format!("{path}/complete"), "");
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["recordingId"], recording);
    assert_eq!(answer.json()["masksComplete"], true);
    assert_eq!(gateway.settled(&recording)["media"][0]["spans"], expected);
    let answer = gateway.call("POST", &format!("{path}/masks"), masks.to_string());
    problem(&answer, 409, "masks_too_late", "");
    assert_eq!(gateway.call("POST", &format!("{path}/complete"), "").status, 200);
}
