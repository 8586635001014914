//! Senders that stall, meet each other, or go away.

use super::wire::Wire;
use super::{Declared, problem};
use crate::gateway::wait;

const MONO: &str = "wav_pcm16_8k_mono.wav";

/// An upload that has sent half of its body and is known to be under way.
fn half_sent(case: &Declared) -> Wire {
    let bytes = case.bytes();
    let length = format!("Content-Length: {}", bytes.len());
    let mut wire = Wire::begin(&case.gateway, "PUT", &case.path(), &[&length]);
    wire.send(&bytes[..bytes.len() / 2]);
    wait("the first upload", || {
        let state = case.gateway.status(&case.recording)["state"].clone();
        (state == "receiving").then_some(())
    });
    wire
}

#[test]
fn a_second_upload_of_a_media_file_under_way_is_refused() {
    let case = Declared::new(&[], MONO);
    let first = half_sent(&case);
    let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
    problem(&answer, 409, "upload_in_progress", "under way");
    drop(first);
    case.given_back();
    case.a_repeat_succeeds();
}

#[test]
fn the_first_of_two_uploads_is_not_disturbed_by_the_second() {
    let case = Declared::new(&[], MONO);
    let mut first = half_sent(&case);
    let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
    problem(&answer, 409, "upload_in_progress", "under way");
    let bytes = case.bytes();
    first.send(&bytes[bytes.len() / 2..]);
    assert_eq!(first.answer().status, 201);
    case.ready();
}

#[test]
fn a_sender_that_goes_away_leaves_nothing() {
    let case = Declared::new(&[], MONO);
    drop(half_sent(&case));
    case.given_back();
    case.a_repeat_succeeds();
}

#[test]
fn a_chunked_sender_that_goes_away_leaves_nothing() {
    let case = Declared::new(&[], MONO);
    let headers = ["Transfer-Encoding: chunked"];
    let mut wire = Wire::begin(&case.gateway, "PUT", &case.path(), &headers);
    // One whole chunk and no last one: the bytes so far look like an end.
    wire.send(b"2ee68\r\n");
    wire.send(&case.bytes());
    wire.send(b"\r\n");
    wait("the upload", || {
        (case.gateway.status(&case.recording)["state"] == "receiving").then_some(())
    });
    drop(wire);
    case.given_back();
    case.a_repeat_succeeds();
}

#[test]
fn a_sender_that_falls_silent_is_given_up() {
    let case = Declared::new(&[("INGEST__IDLE_S", "1")], MONO);
    let wire = half_sent(&case);
    problem(&wire.answer(), 400, "body_broken", "96052");
    case.a_repeat_succeeds();
}
