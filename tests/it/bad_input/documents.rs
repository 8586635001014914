//! The recording document.

use serde_json::{Value, json};

use super::{Declared, fields, problem};
use crate::gateway::{Gateway, document};

const MONO: &str = "wav_pcm16_8k_mono.wav";

fn mono() -> Value {
    document("wav_pcm16_8k_mono")
}

/// The document is refused, nothing is declared, and the right one is taken afterwards.
fn refused(change: impl Fn(&mut Value), status: u16, code: &str, names: &[&str]) {
    let gateway = Gateway::start(&[]);
    let mut wrong = mono();
    change(&mut wrong);
    let body = problem(&gateway.declare(&wrong), status, code, names[0]);
    assert_eq!(fields(&body), names);
    let id = wrong["id"].as_str().unwrap();
    let answer = gateway.call("GET", &format!("/ingest/v1/recordings/{id}"), "");
    problem(&answer, 404, "recording_unknown", "");
    assert_eq!(gateway.declare(&mono()).status, 201);
}

#[test]
fn every_missing_and_contradicting_field_is_named_at_once() {
    let change = |document: &mut Value| {
        let map = document.as_object_mut().unwrap();
        map.remove("region");
        map.remove("callerPhoneNumber");
        document["callType"] = "Sideways".into();
        let file = document["mediaFiles"][0].as_object_mut().unwrap();
        file.remove("callUUID");
        file.insert("stopTime".to_owned(), "2026-03-04T09:15:59.000+0000".into());
        file.insert("size".to_owned(), "12x".into());
        file.insert("partitions".to_owned(), json!(["sales"]));
        document["eventHistory"][0]["event"] = "Vanished".into();
    };
    let names = [
        "callerPhoneNumber",
        "region",
        "callType",
        "mediaFiles[0].callUUID",
        "mediaFiles[0].stopTime",
        "mediaFiles[0].size",
        "mediaFiles[0].partitions",
        "eventHistory[0].event",
    ];
    refused(change, 422, "document_invalid", &names);
}

#[test]
fn members_that_the_gateway_decides_are_refused() {
    let change = |document: &mut Value| {
        let file = &mut document["mediaFiles"][0];
        file["mediaDescriptor"] = json!({"storage": "webDAV", "path": "http://example.com/a"});
        file["pkcs7"] = "-----BEGIN PKCS7-----".into();
        file["certAlias"] = json!(["a"]);
    };
    let names = ["mediaFiles[0].mediaDescriptor", "mediaFiles[0].pkcs7", "mediaFiles[0].certAlias"];
    refused(change, 422, "document_invalid", &names);
}

#[test]
fn an_unknown_media_type_of_the_document_is_refused() {
    let change = |document: &mut Value| {
        document["mediaFiles"][0]["type"] = "audio/telepathy".into();
    };
    refused(change, 415, "media_type_unknown", &["mediaFiles[0].type"]);
}

#[test]
fn an_id_that_differs_from_the_path_is_refused() {
    let gateway = Gateway::start(&[]);
    let path = "/ingest/v1/recordings/another";
    let answer = gateway.call("PUT", path, mono().to_string());
    assert_eq!(fields(&problem(&answer, 422, "id_mismatch", "id")), ["id"]);
    assert_eq!(gateway.declare(&mono()).status, 201);
}

#[test]
fn a_document_that_is_no_json_object_is_refused() {
    let gateway = Gateway::start(&[]);
    let deep = "[".repeat(100_000);
    for text in ["", "{", "[]", "null", "\u{0}", "{\"id\":\"a\"", deep.as_str()] {
        let answer = gateway.call("PUT", "/ingest/v1/recordings/a", text.to_owned());
        problem(&answer, 400, "document_not_json", "");
    }
    let answer = gateway.call("PUT", "/ingest/v1/recordings/a", vec![b'{', b'"', 0xff, b'"']);
    problem(&answer, 400, "document_not_json", "");
}

#[test]
fn times_without_zone_are_quarantined_when_none_is_configured() {
    let zoneless = |document: &mut Value| {
        let file = &mut document["mediaFiles"][0];
        file["startTime"] = "2026-03-04T09:16:00.000".into();
        file["stopTime"] = "2026-03-04T09:16:12.000".into();
        file["masks"][0]["time"] = "2026-03-04T09:16:05.000".into();
        file["masks"][1]["time"] = "2026-03-04T09:16:08.000".into();
    };
    Declared::changed(&[], MONO, zoneless).quarantined("mask_needs_zone");
    let case = Declared::changed(&[("MASK__ZONE", "Europe/Berlin")], MONO, zoneless);
    case.gateway.push(&case.recording, &case.media, case.bytes());
    let spans = &case.ready()["media"][0]["spans"];
    assert_eq!(*spans, json!([{"fromMs": 5000, "toMs": 8000, "reason": "paused"}]));
}

#[test]
fn a_mask_after_the_end_is_quarantined() {
    let after = |document: &mut Value| {
        let file = &mut document["mediaFiles"][0];
        file["masks"] = json!([
            {"time": "2026-03-04T09:20:00.000Z", "type": "paused"},
            {"time": "2026-03-04T09:20:03.000Z", "type": "resume"}
        ]);
    };
    Declared::changed(&[], MONO, after).quarantined("mask_outside_media");
}

#[test]
fn a_resume_before_its_pause_silences_to_the_end() {
    let crossed = |document: &mut Value| {
        let file = &mut document["mediaFiles"][0];
        file["masks"] = json!([
            {"time": "2026-03-04T09:16:08.000Z", "type": "paused"},
            {"time": "2026-03-04T09:16:05.000Z", "type": "resume"}
        ]);
    };
    let case = Declared::changed(&[], MONO, crossed);
    case.gateway.push(&case.recording, &case.media, case.bytes());
    let spans = &case.ready()["media"][0]["spans"];
    assert_eq!(*spans, json!([{"fromMs": 8000, "toMs": 12000, "reason": "paused-to-end"}]));
}

#[test]
fn late_masks_that_cannot_be_read_are_refused() {
    let case = Declared::new(&[], MONO);
    let path = format!("/ingest/v1/recordings/{}/masks", case.recording);
    let cases = [
        (json!([{"time": "soon", "type": "paused"}]), "[0].time"),
        (json!([{"time": "2026-03-04T09:16:05.000Z", "type": "louder"}]), "[0].type"),
        (json!([]), "masks"),
    ];
    for (masks, field) in cases {
        let answer = case.gateway.call("POST", &path, masks.to_string());
        assert_eq!(fields(&problem(&answer, 422, "masks_invalid", field)), [field]);
    }
    let answer = case.gateway.call("POST", &path, "{\"time\":");
    let body = answer.json();
    assert!(answer.status.is_client_error(), "{body}");
    assert_eq!(fields(&body), ["masks"]);
    let path = "/ingest/v1/recordings/unknown/masks";
    let masks = json!([{"time": "2026-03-04T09:16:05.000Z", "type": "paused"}]);
    let answer = case.gateway.call("POST", path, masks.to_string());
    problem(&answer, 404, "recording_unknown", "");
    case.a_repeat_succeeds();
}
