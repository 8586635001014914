//! Limits that are met before anything is written.

use super::wire::Wire;
use super::{Declared, problem, spooled_files};
use crate::gateway::{Gateway, document};

const MONO: &str = "wav_pcm16_8k_mono.wav";
/// One byte less than the sample has.
const LIMIT: &str = "192103";

#[test]
fn a_document_over_one_mebibyte_is_refused() {
    let gateway = Gateway::start(&[]);
    let mut large = document("wav_pcm16_8k_mono");
    large["reelgate"]["tags"] = "x".repeat(1 << 20).into();
    problem(&gateway.declare(&large), 413, "document_too_large", "1048576");
    assert_eq!(gateway.declare(&document("wav_pcm16_8k_mono")).status, 201);
}

#[test]
fn a_body_over_the_limit_is_refused_before_it_is_read() {
    let case = Declared::new(&[("INGEST__MAX_MEDIA_BYTES", LIMIT)], MONO);
    let headers = ["Content-Length: 192104"];
    let wire = Wire::begin(&case.gateway, "PUT", &case.path(), &headers);
    problem(&wire.answer(), 413, "media_too_large", LIMIT);
    case.nothing_left();
}

#[test]
fn a_chunked_body_over_the_limit_is_refused() {
    let case = Declared::new(&[("INGEST__MAX_MEDIA_BYTES", LIMIT)], MONO);
    let headers = ["Transfer-Encoding: chunked"];
    let mut wire = Wire::begin(&case.gateway, "PUT", &case.path(), &headers);
    wire.send(b"2ee68\r\n");
    wire.send(&case.bytes());
    wire.send(b"\r\n0\r\n\r\n");
    problem(&wire.answer(), 413, "media_too_large", LIMIT);
    case.nothing_left();
}

#[test]
fn without_room_an_upload_is_refused_before_it_is_read() {
    let gateway = Gateway::start(&[("INGEST__RESERVE_BYTES", "9000000000000000000")]);
    let document = document("wav_pcm16_8k_mono");
    assert_eq!(gateway.declare(&document).status, 201);
    let (recording, media) = crate::gateway::ids(&document);
    let path = format!("/ingest/v1/recordings/{recording}/media/{media}");
    for headers in [["Content-Length: 192104"], ["Transfer-Encoding: chunked"]] {
        let wire = Wire::begin(&gateway, "PUT", &path, &headers);
        problem(&wire.answer(), 507, "no_room", "bytes");
    }
    let headers = ["Content-Length: 192104", "Content-Type: multipart/form-data; boundary=edge"];
    let wire = Wire::begin(&gateway, "POST", "/ingest/v1/recordings", &headers);
    problem(&wire.answer(), 507, "no_room", "bytes");
    assert_eq!(gateway.status(&recording)["state"], "declared");
    assert_eq!(spooled_files(&gateway), 0);
}
