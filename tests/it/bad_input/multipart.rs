//! A whole recording in one request.

use serde_json::Value;

use super::wire::Wire;
use super::{fields, problem, spooled_files};
use crate::gateway::{Answer, Gateway, document, ids, sample, send, wait};

const MONO: &str = "wav_pcm16_8k_mono.wav";
const KIND: &str = "multipart/form-data; boundary=edge";

/// One part: its name, further header lines, and its bytes.
pub(crate) type Part<'p> = (&'p str, &'p str, Vec<u8>);

/// A whole body with boundary `edge`.
pub(crate) fn body(parts: &[Part<'_>]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, headers, bytes) in parts {
        let head =
            format!("--edge\r\ncontent-disposition: form-data; name=\"{name}\"\r\n{headers}");
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(b"\r\n");
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(b"--edge--\r\n");
    body
}

pub(crate) fn post(gateway: &Gateway, body: Vec<u8>) -> Answer {
    post_as(gateway, KIND, body)
}

fn post_as(gateway: &Gateway, kind: &str, body: Vec<u8>) -> Answer {
    let token = gateway.token();
    let headers = [("authorization", token.as_str()), ("content-type", kind)];
    send("POST", &format!("{}/ingest/v1/recordings", gateway.url), &headers, body)
}

struct Case {
    gateway: Gateway,
    document: Value,
    recording: String,
    media: String,
}

impl Case {
    fn new() -> Self {
        let document = document("wav_pcm16_8k_mono");
        let (recording, media) = ids(&document);
        Self { gateway: Gateway::start(&[]), document, recording, media }
    }

    fn text(&self) -> Vec<u8> {
        self.document.to_string().into_bytes()
    }

    fn right(&self) -> Vec<u8> {
        body(&[("recording", "", self.text()), (&self.media, "", sample(MONO))])
    }

    fn refused(&self, body: Vec<u8>, code: &str, names: &str) {
        problem(&post(&self.gateway, body), 400, code, names);
        self.nothing_left();
    }

    /// Not even the declaration is kept, and the right request is taken.
    fn nothing_left(&self) {
        let path = format!("/ingest/v1/recordings/{}", self.recording);
        problem(&self.gateway.call("GET", &path, ""), 404, "recording_unknown", "");
        assert_eq!(spooled_files(&self.gateway), 0);
    }

    fn a_repeat_succeeds(&self) {
        let answer = post(&self.gateway, self.right());
        assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
        assert_eq!(self.gateway.settled(&self.recording)["state"], "ready");
    }
}

#[test]
fn a_duplicate_part_is_refused() {
    let case = Case::new();
    let twice = body(&[
        ("recording", "", case.text()),
        (&case.media, "", sample(MONO)),
        (&case.media, "", sample(MONO)),
    ]);
    case.refused(twice, "part_duplicate", &case.media);
    case.a_repeat_succeeds();
}

#[test]
fn an_undeclared_part_is_refused() {
    let case = Case::new();
    let more = body(&[
        ("recording", "", case.text()),
        (&case.media, "", sample(MONO)),
        ("other.wav", "", sample(MONO)),
    ]);
    case.refused(more, "part_unknown", "other.wav");
    case.a_repeat_succeeds();
}

#[test]
fn a_missing_part_is_refused() {
    let case = Case::new();
    let answer = post(&case.gateway, body(&[("recording", "", case.text())]));
    let found = problem(&answer, 422, "part_missing", &case.media);
    assert_eq!(fields(&found), ["mediaFiles[0]"]);
    case.nothing_left();
    case.a_repeat_succeeds();
}

#[test]
fn the_recording_must_be_the_first_part() {
    let case = Case::new();
    let turned = body(&[(&case.media, "", sample(MONO)), ("recording", "", case.text())]);
    case.refused(turned, "part_order", "recording");
    case.refused(body(&[]), "part_order", "recording");
    case.a_repeat_succeeds();
}

#[test]
fn a_part_name_is_no_path() {
    let case = Case::new();
    for name in ["../x.wav", "..", "a/b", "%2e%2e%2fx"] {
        let parts = body(&[("recording", "", case.text()), (name, "", sample(MONO))]);
        case.refused(parts, "id_invalid", "part name");
    }
    case.a_repeat_succeeds();
}

#[test]
fn a_broken_multipart_body_is_refused() {
    let case = Case::new();
    let mut cut = case.right();
    cut.truncate(cut.len() - 50_000);
    case.refused(cut, "body_broken", "broke off after");
    case.refused(b"no boundary at all".to_vec(), "multipart_syntax", "");
    case.refused(Vec::new(), "multipart_syntax", "");
    let no_boundary = post_as(&case.gateway, "multipart/form-data", case.right());
    problem(&no_boundary, 400, "multipart_syntax", "");
    case.nothing_left();
    let other = post_as(&case.gateway, "application/json", case.text());
    assert!(matches!(other.status.as_u16(), 400 | 415), "{}", other.status);
    problem(&other, other.status.as_u16(), &other.code(), "");
    case.a_repeat_succeeds();
}

#[test]
fn a_wrong_digest_of_a_part_is_refused() {
    let case = Case::new();
    let line = "repr-digest: sha-256=:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=:\r\n";
    let parts = body(&[("recording", "", case.text()), (&case.media, line, sample(MONO))]);
    problem(&post(&case.gateway, parts), 422, "digest_mismatch", "SHA-256");
    case.nothing_left();
    let parts = [
        ("recording", "", case.text()),
        (&case.media, "content-type: text/html\r\n", sample(MONO)),
    ];
    problem(&post(&case.gateway, body(&parts)), 415, "media_type_mismatch", "audio/wav");
    case.nothing_left();
    case.a_repeat_succeeds();
}

#[test]
fn a_fault_of_the_last_part_takes_back_the_first() {
    let case = Case::new();
    let mut two = case.document.clone();
    let mut second = two["mediaFiles"][0].clone();
    second["mediaId"] = "second.wav".into();
    two["mediaFiles"].as_array_mut().unwrap().push(second);
    let text = two.to_string().into_bytes();
    let parts = body(&[
        ("recording", "", text),
        (&case.media, "", sample(MONO)),
        ("second.wav", "", sample("wav_pcm16_truncated_data.wav")),
    ]);
    problem(&post(&case.gateway, parts), 422, "media_malformed", "at byte ");
    case.nothing_left();
    case.a_repeat_succeeds();
}

#[test]
fn a_document_part_over_the_limit_is_refused() {
    let case = Case::new();
    let parts = body(&[("recording", "", vec![b' '; (1 << 20) + 1])]);
    problem(&post(&case.gateway, parts), 413, "document_too_large", "1048576");
    case.nothing_left();
}

#[test]
fn a_sender_that_goes_away_in_a_part_leaves_nothing() {
    let case = Case::new();
    let right = case.right();
    let length = format!("Content-Length: {}", right.len());
    let kind = format!("Content-Type: {KIND}");
    let headers = [length.as_str(), kind.as_str()];
    let mut wire = Wire::begin(&case.gateway, "POST", "/ingest/v1/recordings", &headers);
    wire.send(&right[..right.len() / 2]);
    wait("the upload", || {
        (case.gateway.status(&case.recording)["state"] == "receiving").then_some(())
    });
    drop(wire);
    // Whether the bare declaration stays or not, the bytes are gone and the id is free.
    wait("the end of the dropped upload", || {
        let state = case.gateway.status(&case.recording)["state"].clone();
        (state != "receiving" && spooled_files(&case.gateway) == 0).then_some(())
    });
    case.a_repeat_succeeds();
}
