//! The plain HTTP interface, answer by answer (`docs/api.md`).

mod insertion;
mod receipts;
mod service;
mod waiting;

use serde_json::{Value, json};

use crate::bad_input::multipart::{body, post};
use crate::bad_input::problem;
use crate::gateway::{Gateway, document, ids, sample};

const MONO: &str = "wav_pcm16_8k_mono.wav";

fn mono() -> Value {
    document("wav_pcm16_8k_mono")
}

/// The call with two media files, as one multipart body, and its media ids in document order.
fn call() -> (Value, Vec<String>, Vec<u8>) {
    let call: Value = serde_json::from_slice(&sample("call.json")).unwrap();
    let document: Value = serde_json::from_slice(&sample("call.recording.json")).unwrap();
    let media = call["media"].as_array().unwrap();
    let names: Vec<String> =
        media.iter().map(|entry| entry["mediaId"].as_str().unwrap().to_owned()).collect();
    let mut parts = vec![("recording", "", document.to_string().into_bytes())];
    for (entry, name) in media.iter().zip(&names) {
        parts.push((name, "", sample(entry["file"].as_str().unwrap())));
    }
    let body = body(&parts);
    (document, names, body)
}

fn receipts(answer: &Value) -> Vec<String> {
    let media = answer["media"].as_array().expect("a list of media");
    media.iter().map(|entry| entry["receipt"].as_str().expect("a receipt").to_owned()).collect()
}

#[test]
fn post_takes_a_whole_recording_and_a_repeat_gives_the_same_receipts() {
    let gateway = Gateway::start(&[]);
    let (document, names, body) = call();
    let first = post(&gateway, body.clone());
    assert_eq!(first.status, 201, "{}", String::from_utf8_lossy(&first.body));
    let first = first.json();
    assert_eq!(first["recordingId"], document["id"]);
    let media: Vec<&str> =
        first["media"].as_array().unwrap().iter().map(|m| m["mediaId"].as_str().unwrap()).collect();
    assert_eq!(media, names);
    assert_eq!(receipts(&first).len(), 2);
    let again = post(&gateway, body.clone());
    assert_eq!(again.status, 200, "{}", String::from_utf8_lossy(&again.body));
    assert_eq!(receipts(&again.json()), receipts(&first));
    let id = document["id"].as_str().unwrap();
    assert_eq!(gateway.settled(id)["state"], "ready");
    let third = post(&gateway, body);
    assert_eq!(third.status, 200);
    assert_eq!(receipts(&third.json()), receipts(&first));
}

#[test]
fn post_of_an_id_with_other_content_is_a_conflict() {
    let gateway = Gateway::start(&[]);
    let (mut document, names, first) = call();
    assert_eq!(post(&gateway, first).status, 201);
    document["region"] = "south".into();
    let parts = [
        ("recording", "", document.to_string().into_bytes()),
        (names[0].as_str(), "", sample("wav_pcm16_8k_stereo.wav")),
        (names[1].as_str(), "", sample("mp3_8k_32kbit_mono.mp3")),
    ];
    problem(&post(&gateway, body(&parts)), 409, "recording_differs", "");
    let original: Value = serde_json::from_slice(&sample("call.recording.json")).unwrap();
    let parts = [
        ("recording", "", original.to_string().into_bytes()),
        (names[0].as_str(), "", sample("wav_mulaw_8k_stereo.wav")),
        (names[1].as_str(), "", sample("mp3_8k_32kbit_mono.mp3")),
    ];
    problem(&post(&gateway, body(&parts)), 409, "media_differs", "");
    assert_eq!(gateway.settled(original["id"].as_str().unwrap())["state"], "ready");
}

#[test]
fn post_streams_media_of_several_mebibytes() {
    let gateway = Gateway::start(&[]);
    let mut document = mono();
    let file = &mut document["mediaFiles"][0];
    file.as_object_mut().unwrap().remove("masks");
    let (recording, media) = ids(&document);
    let mut large = sample(MONO);
    // The size fields of a stream that went on are wrong, which is taken.
    large.extend(std::iter::repeat_n(1_u8, 5 << 20));
    let length = u32::try_from(large.len()).unwrap();
    let at = large.windows(4).position(|piece| piece == b"data").unwrap();
    let data = length - u32::try_from(at).unwrap() - 8;
    large[4..8].copy_from_slice(&(length - 8).to_le_bytes());
    large[at + 4..at + 8].copy_from_slice(&data.to_le_bytes());
    let parts = [("recording", "", document.to_string().into_bytes()), (media.as_str(), "", large)];
    let answer = post(&gateway, body(&parts));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(gateway.settled(&recording)["media"][0]["upload"]["bytes"], length);
}

#[test]
fn put_declares_repeats_and_refuses_another_document() {
    let gateway = Gateway::start(&[]);
    let document = mono();
    let first = gateway.declare(&document);
    assert_eq!(first.status, 201);
    assert_eq!(first.json()["recordingId"], document["id"]);
    assert_eq!(first.json()["state"], "declared");
    let spaced = serde_json::to_string_pretty(&document).unwrap();
    let path = format!("/ingest/v1/recordings/{}", document["id"].as_str().unwrap());
    assert_eq!(gateway.call("PUT", &path, spaced).status, 200);
    let mut other = document.clone();
    other["region"] = "south".into();
    problem(&gateway.declare(&other), 409, "recording_differs", "");
    let mut taken = document;
    taken["id"] = "another-recording".into();
    problem(&gateway.declare(&taken), 409, "media_id_taken", "");
}

#[test]
fn unknown_members_are_kept_and_passed_on_with_a_warning() {
    let gateway = Gateway::start(&[]);
    let mut document = mono();
    document["favourite"] = json!({"colour": "green"});
    let (recording, media) = ids(&document);
    let answer = gateway.declare(&document);
    assert_eq!(answer.status, 201);
    assert!(answer.json()["warnings"].to_string().contains("favourite"));
    gateway.push(&recording, &media, sample(MONO));
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(status["insertion"]["favourite"], json!({"colour": "green"}));
    assert!(status["insertion"]["reelgate"].is_null(), "{status}");
}

#[test]
fn put_media_repeats_with_the_same_receipt_and_refuses_other_bytes() {
    let gateway = Gateway::start(&[]);
    let document = mono();
    let (recording, media) = ids(&document);
    gateway.declare(&document);
    let first = gateway.push(&recording, &media, sample(MONO));
    assert_eq!(first.status, 201);
    let first = first.json();
    assert_eq!(first["bytes"], 192_104);
    assert_eq!(first["recordingId"], document["id"]);
    assert_eq!(first["mediaId"], media);
    let check = || {
        let again = gateway.push(&recording, &media, sample(MONO));
        assert_eq!(again.status, 200);
        assert_eq!(again.json()["receipt"], first["receipt"]);
        let mut other = sample(MONO);
        other[100_000] ^= 1;
        let answer = gateway.push(&recording, &media, other.clone());
        problem(&answer, 409, "media_differs", "");
        other.truncate(100);
        problem(&gateway.push(&recording, &media, other), 409, "media_differs", "");
    };
    check();
    assert_eq!(gateway.settled(&recording)["state"], "ready");
    check();
    assert_eq!(gateway.settled(&recording)["state"], "ready");
}

#[test]
fn media_without_a_recording_or_an_entry_is_not_found() {
    let gateway = Gateway::start(&[]);
    let (recording, media) = ids(&mono());
    let answer = gateway.push(&recording, &media, sample(MONO));
    problem(&answer, 404, "recording_unknown", "");
    gateway.declare(&mono());
    problem(&gateway.push(&recording, "other.wav", sample(MONO)), 404, "media_unknown", "");
    let answer = gateway.call("GET", "/ingest/v1/recordings/unknown", "");
    problem(&answer, 404, "recording_unknown", "");
    let answer = gateway.call("POST", "/ingest/v1/recordings/unknown/complete", "");
    problem(&answer, 404, "recording_unknown", "");
}

#[test]
fn an_unknown_path_of_the_dialect_is_a_problem_too() {
    let gateway = Gateway::start(&[]);
    let answer = gateway.call("GET", "/ingest/v1/nothing", "");
    problem(&answer, 404, &answer.code(), "");
    assert!(!answer.code().is_empty());
}

#[test]
fn a_method_that_is_not_served_is_a_problem_too() {
    let gateway = Gateway::start(&[]);
    let answer = gateway.call("DELETE", "/ingest/v1/receipts/keys", "");
    assert_eq!(answer.status, 405);
    assert!(answer.header("allow").contains("GET"));
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert!(!answer.code().is_empty());
}

#[test]
fn the_status_tells_every_stage() {
    let gateway = Gateway::start(&[]);
    let (recording, media) = gateway.push_sample(MONO);
    gateway.settled(&recording);
    let status = gateway.delivered(&recording, "delivered");
    assert_eq!(status["recordingId"], recording);
    assert_eq!(status["state"], "ready");
    assert_eq!(status["masksComplete"], true);
    let file = &status["media"][0];
    assert_eq!(file["mediaId"], media);
    assert_eq!((&file["mediaKind"], &file["state"]), (&json!("voice"), &json!("ready")));
    assert_eq!(file["upload"]["bytes"], 192_104);
    let digest = reelgate::asset::Digest::of(&sample(MONO)).to_string();
    assert_eq!(file["upload"]["sha256"], digest);
    assert_ne!(file["sha256"], digest, "a span was silenced");
    assert_eq!(file["bytes"], 192_104);
    assert_eq!(file["durationMs"], 12_000);
    assert_eq!(file["spans"], json!([{"fromMs": 5000, "toMs": 8000, "reason": "paused"}]));
    assert_eq!(file["sealed"], "cms");
    assert_eq!(file["certificate"]["recheckHeld"], true);
    for name in ["assetId", "receipt", "stored", "playUrl", "downloadUrl"] {
        assert!(file[name].is_string(), "{name}: {file}");
    }
    let stages = file["stages"].as_array().unwrap();
    assert!(stages.len() >= 4, "{stages:?}");
    assert!(stages.iter().all(|stage| stage["state"].is_string()), "{stages:?}");
    assert_eq!(stages.last().unwrap()["state"], "ready");
    let delivery = &status["deliveries"][0];
    assert_eq!((&delivery["state"], &delivery["attempts"]), (&json!("delivered"), &json!(1)));
    assert_eq!(status["insertion"]["id"], recording);
}

#[test]
fn a_given_request_id_comes_back() {
    let gateway = Gateway::start(&[]);
    let url = format!("{}/ingest/v1/recordings/unknown", gateway.url);
    let token = gateway.token();
    let headers = [("authorization", token.as_str()), ("x-request-id", "call-7.retry_2")];
    let answer = crate::gateway::send("GET", &url, &headers, "");
    assert_eq!(problem(&answer, 404, "recording_unknown", "")["requestId"], "call-7.retry_2");
    let headers = [("authorization", token.as_str()), ("x-request-id", "a b<script>")];
    let answer = crate::gateway::send("GET", &url, &headers, "");
    assert_ne!(answer.header("x-request-id"), "a b<script>");
}
