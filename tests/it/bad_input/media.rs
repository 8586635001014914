//! The bytes of a media file, and what is said about them beforehand.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use reqwest::Body;

use super::{Declared, fields, problem};
use crate::gateway::sample;

const MONO: &str = "wav_pcm16_8k_mono.wav";

/// A body of unknown length.
fn chunked(bytes: Vec<u8>) -> Body {
    let chunks: Vec<Result<Vec<u8>, std::io::Error>> =
        bytes.chunks(10_000).map(|chunk| Ok(chunk.to_vec())).collect();
    Body::wrap_stream(stream::iter(chunks))
}

fn accepted(file: &str) {
    let case = Declared::new(&[("SEAL__MODE", "none")], file);
    let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    let status = case.ready();
    let stored = case.gateway.stored(status["media"][0]["stored"].as_str().unwrap());
    assert_eq!(stored.len(), case.bytes().len());
}

#[test]
fn a_truncated_wav_is_refused_with_its_offset() {
    let case = Declared::new(&[], "wav_pcm16_truncated_data.wav");
    let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
    problem(&answer, 422, "media_malformed", "at byte ");
    case.nothing_left();
}

#[test]
fn a_data_size_of_zero_is_taken_as_not_known() {
    accepted("wav_pcm16_data_size_zero.wav");
}

#[test]
fn a_data_size_of_all_ones_is_taken_as_not_known() {
    accepted("wav_pcm16_data_size_ffffffff.wav");
}

#[test]
fn a_wrong_riff_size_is_taken() {
    accepted("wav_pcm16_riff_size_wrong.wav");
}

#[test]
fn a_body_without_bytes_is_refused() {
    let case = Declared::new(&[], "empty.wav");
    assert_eq!(case.bytes().len(), 0);
    let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
    problem(&answer, 422, "media_empty", "no bytes");
    case.nothing_left();
}

fn wrong_length(declared_bytes: usize) {
    let case = Declared::changed(&[], MONO, |document| {
        document["mediaFiles"][0]["size"] = declared_bytes.to_string().into();
    });
    for body in [Body::from(case.bytes()), chunked(case.bytes())] {
        let answer = case.gateway.push(&case.recording, &case.media, body);
        let names = format!("{declared_bytes} bytes");
        let body = problem(&answer, 422, "length_mismatch", &names);
        assert_eq!(fields(&body), ["mediaFiles[0].size"]);
        assert!(body["detail"].as_str().unwrap().contains("192104"), "{body}");
        case.nothing_left();
    }
    let mut right = case.bytes();
    right.resize(declared_bytes, 0);
    // The declared length decides; whether its content is good is another question.
    let answer = case.gateway.push(&case.recording, &case.media, right);
    assert_ne!(answer.code(), "length_mismatch");
}

#[test]
fn a_body_longer_than_its_size_is_refused() {
    wrong_length(192_004);
}

#[test]
fn a_body_shorter_than_its_size_is_refused() {
    wrong_length(192_204);
}

#[test]
fn a_body_of_the_declared_size_is_taken() {
    let case = Declared::changed(&[], MONO, |document| {
        document["mediaFiles"][0]["size"] = "192104".into();
        document["mediaFiles"][0]["duration"] = "12000".into();
    });
    case.a_repeat_succeeds();
}

#[test]
fn a_chunked_body_without_length_is_taken() {
    let case = Declared::new(&[], MONO);
    let answer = case.gateway.push(&case.recording, &case.media, chunked(case.bytes()));
    assert_eq!(answer.status, 201, "{}", String::from_utf8_lossy(&answer.body));
    assert_eq!(answer.json()["bytes"], 192_104);
    case.ready();
}

#[test]
fn a_wrong_digest_is_refused() {
    let case = Declared::new(&[], MONO);
    for name in ["repr-digest", "content-digest"] {
        let value = format!("sha-256=:{}:", STANDARD.encode([7; 32]));
        let answer = case.push((name, &value), case.bytes());
        let body = problem(&answer, 422, "digest_mismatch", "SHA-256");
        assert_eq!(fields(&body), [name]);
    }
    case.a_repeat_succeeds();
}

#[test]
fn a_malformed_digest_is_refused() {
    let case = Declared::new(&[], MONO);
    let short = format!("sha-256=:{}:", STANDARD.encode([7; 31]));
    for value in ["sha-256=47DE", "sha-256=:!!!:", "sha-256", "", &short] {
        let answer = case.push(("repr-digest", value), case.bytes());
        problem(&answer, 400, "digest_header", "repr-digest");
    }
    case.a_repeat_succeeds();
}

#[test]
fn a_right_digest_is_taken() {
    let case = Declared::new(&[], MONO);
    let digest = reelgate::asset::Digest::of(&case.bytes()).to_string();
    let raw: Vec<u8> = (0..digest.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(&digest[at..at + 2], 16).unwrap())
        .collect();
    let value = format!("sha-512=:AAAA:, sha-256=:{}:", STANDARD.encode(raw));
    assert_eq!(case.push(("repr-digest", &value), case.bytes()).status, 201);
    case.ready();
}

#[test]
fn an_unknown_media_type_of_the_body_is_refused() {
    let case = Declared::new(&[], MONO);
    for kind in ["text/html", "audio/mpeg", "nonsense"] {
        let answer = case.push(("content-type", kind), case.bytes());
        problem(&answer, 415, "media_type_mismatch", "audio/wav");
    }
    case.a_repeat_succeeds();
}

#[test]
fn bytes_of_another_type_are_refused() {
    let case = Declared::new(&[], MONO);
    for other in ["mp3_8k_32kbit_mono.mp3", "mp4_h264_screen.mp4"] {
        let answer = case.gateway.push(&case.recording, &case.media, sample(other));
        problem(&answer, 415, "media_type_mismatch", "audio/wav");
        case.nothing_left();
    }
    let answer = case.gateway.push(&case.recording, &case.media, vec![b'x'; 5000]);
    assert!(answer.status.is_client_error(), "{}", answer.status);
    case.a_repeat_succeeds();
}

#[test]
fn a_wrong_duration_is_refused() {
    for duration in ["5000", "12", "13001"] {
        let case = Declared::changed(&[], MONO, |document| {
            document["mediaFiles"][0]["duration"] = duration.into();
        });
        let answer = case.gateway.push(&case.recording, &case.media, case.bytes());
        let body = problem(&answer, 422, "duration_mismatch", "12000 ms");
        assert_eq!(fields(&body), ["mediaFiles[0].duration"]);
        case.nothing_left();
    }
}
