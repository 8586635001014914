//! What the links lead to, judged by ffprobe and ffmpeg.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::{API, ask_until_ready, one_call, push_voice_and_screen, sign_in, start, tones};
use crate::gateway::{document, send};

/// Runs a program that must be content.
fn quiet(program: &str, arguments: &[&str]) -> Vec<u8> {
    let output = Command::new(program).args(arguments).output().expect("ffmpeg");
    let complaint = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && complaint.is_empty(), "{program}: {complaint}");
    output.stdout
}

fn probe(path: &Path) -> Value {
    let path = path.to_str().unwrap();
    let arguments = ["-v", "error", "-show_streams", "-show_format", "-of", "json", path];
    serde_json::from_slice(&quiet("ffprobe", &arguments)).unwrap()
}

/// Decodes to 16-bit stereo at 8 kHz.
fn decode(path: &Path) -> Vec<[i16; 2]> {
    let path = path.to_str().unwrap();
    let arguments = [
        "-nostdin", "-v", "error", "-xerror", "-i", path, "-ac", "2", "-ar", "8000", "-f", "s16le",
        "-",
    ];
    let bytes = quiet("ffmpeg", &arguments);
    let sample = |raw: &[u8]| i16::from_le_bytes([raw[0], raw[1]]);
    bytes.chunks_exact(4).map(|frame| [sample(&frame[..2]), sample(&frame[2..])]).collect()
}

/// Fetches a link into a folder.
fn fetch(folder: &Path, url: &str) -> std::path::PathBuf {
    let answer = send("GET", url, &[], "");
    assert_eq!(answer.status, 200, "{url}");
    let length: usize = answer.header("content-length").parse().unwrap();
    assert_eq!(length, answer.body.len());
    let path = folder.join("fetched.mp4");
    std::fs::write(&path, answer.body).unwrap();
    path
}

fn play_url(answer: &Value) -> String {
    answer["interactions"][0]["data"]["fileToPlayUrl"].as_str().expect("a link").to_owned()
}

/// The samples of the WAVE file that [`tones`] gives.
fn source() -> Vec<[i16; 2]> {
    let bytes = tones();
    let data = bytes.windows(4).position(|four| four == b"data").unwrap() + 8;
    let sample = |raw: &[u8]| i16::from_le_bytes([raw[0], raw[1]]);
    bytes[data..].chunks_exact(4).map(|frame| [sample(&frame[..2]), sample(&frame[2..])]).collect()
}

#[test]
fn a_wave_call_becomes_flac_in_mp4_bit_equal_and_silent_in_its_mask() {
    let (gateway, token) = one_call(&[]);
    let path = format!("{API}/contacts?acd-call-id=acd-one");
    let answer = ask_until_ready(&gateway, &token, &path).json();
    let folder = tempfile::tempdir().unwrap();
    let file = fetch(folder.path(), &play_url(&answer));
    let facts = probe(&file);
    assert_eq!(facts["streams"][0]["codec_name"], "flac");
    let seconds: f64 = facts["format"]["duration"].as_str().unwrap().parse().unwrap();
    assert!((seconds - 12.0).abs() < 0.03, "{seconds}");
    let (heard, source) = (decode(&file), source());
    assert_eq!(heard.len(), source.len());
    // The mask, and the guard of half a second on each side.
    assert!(heard[4 * 8000..6 * 8000].iter().all(|frame| *frame == [0, 0]));
    let before = 3 * 8000;
    assert!(heard[..before] == source[..before] && heard[7 * 8000..] == source[7 * 8000..]);
    let bytes = std::fs::read(&file).unwrap();
    let at = |name: &[u8]| bytes.windows(4).position(|four| four == name).unwrap();
    assert!(at(b"moov") < at(b"mdat"), "a player would have to read to the end first");
}

#[test]
fn links_of_renditions_have_the_form_that_known_clients_need() {
    let (gateway, token) = one_call(&[]);
    let path = format!("{API}/contacts?acd-call-id=acd-one&isDownload=true");
    let answer = ask_until_ready(&gateway, &token, &path).json();
    let (play, save) = (play_url(&answer), answer["redirectUrl"].as_str().unwrap().to_owned());
    for url in [&play, &save] {
        let (path, query) = url.split_once('?').unwrap();
        assert!(path.ends_with(".mp4"), "{url}");
        assert!(query.bytes().all(|b| b.is_ascii_alphanumeric() || b"_=&-".contains(&b)), "{url}");
        // A client takes what follows the last dot of the whole address for the extension.
        assert!(url.rsplit_once('.').unwrap().1.starts_with("mp4?"), "{url}");
    }
    let got = send("GET", &play, &[], "");
    assert_eq!(got.header("content-type"), "video/mp4");
    assert!(got.header("content-disposition").starts_with("inline; filename=\""));
    assert!(got.header("etag").starts_with('"') && got.header("accept-ranges") == "bytes");
    assert_eq!(got.header("cache-control"), "private, no-store");
    let saved = send("GET", &save, &[], "");
    let name = saved.header("content-disposition");
    let expected =
        "attachment; filename=\"CXone recording_Kim- Lee_2026-03-04T09-15-00[UTC]_one.mp4\"";
    assert_eq!(name, expected);
    let head = send("HEAD", &play, &[], "");
    assert_eq!(head.header("content-length"), got.body.len().to_string());
    for (range, status, length) in [
        ("bytes=0-99", 206, 100),
        ("bytes=-5", 206, 5),
        ("bytes=0-1,4-5", 200, got.body.len()),
        ("bytes=x", 200, got.body.len()),
    ] {
        let part = send("GET", &play, &[("range", range)], "");
        assert_eq!((part.status.as_u16(), part.body.len()), (status, length), "{range}");
    }
    let beyond = send("GET", &play, &[("range", &format!("bytes={}-", got.body.len()))], "");
    assert_eq!(beyond.status, 416);
    let range = format!("bytes */{}", got.body.len());
    assert_eq!(beyond.header("content-range"), range);
}

#[test]
fn a_statement_is_a_clip_of_its_length_and_one_outside_is_not_there() {
    let (gateway, token) = one_call(&[]);
    let path = |id: &str| format!("{API}/acd-contacts/acd-one/statements/{id}");
    let answer = ask_until_ready(&gateway, &token, &path("s1"));
    assert_eq!(answer.status, 200, "{}", answer.json());
    let answer = answer.json();
    assert_eq!(answer["interactions"][0]["startTime"], "2026-03-04T09:15:01.000Z");
    assert_eq!(answer["interactions"][0]["endTime"], "2026-03-04T09:15:03.000Z");
    let folder = tempfile::tempdir().unwrap();
    let heard = decode(&fetch(folder.path(), &play_url(&answer)));
    assert!(heard == source()[8000..3 * 8000], "{} samples", heard.len());
    for id in ["late", "nobody"] {
        assert_eq!(ask_until_ready(&gateway, &token, &path(id)).status, 404, "{id}");
    }
}

#[test]
fn renditions_are_sealed_and_stored_like_their_source() {
    for (mode, suffix) in [("cms", ".mp4.p7m"), ("none", ".mp4")] {
        let (gateway, token) = one_call(&[("SEAL__MODE", mode)]);
        let path = format!("{API}/segments/segment-one");
        let answer = ask_until_ready(&gateway, &token, &path).json();
        let clear = send("GET", &play_url(&answer), &[], "").body;
        let store = gateway.data().join("store");
        let found =
            Command::new("find").arg(&store).args(["-name", "rendition-*"]).output().unwrap();
        let found = String::from_utf8(found.stdout).unwrap();
        let [object] = found.lines().collect::<Vec<_>>()[..] else { panic!("{found}") };
        assert!(object.ends_with(suffix), "{object}");
        let stored = std::fs::read(object).unwrap();
        assert_eq!(stored == clear, mode == "none", "{mode}");
        let shown = stored.windows(4).any(|four| four == b"moov");
        assert_eq!(shown, mode == "none", "an open header in {mode}");
    }
}

#[test]
fn voice_and_screen_play_in_one_file() {
    let gateway = start(&[]);
    push_voice_and_screen(&gateway);
    let token = sign_in(&gateway, "default", "listener", &["play.any"]);
    let document = document("call");
    let id = document["reelgate"]["contact"]["acdContactId"].as_str().unwrap();
    let answer =
        ask_until_ready(&gateway, &token, &format!("{API}/contacts?acd-call-id={id}")).json();
    let folder = tempfile::tempdir().unwrap();
    let file = fetch(folder.path(), &play_url(&answer));
    let facts = probe(&file);
    let mut kinds: Vec<_> = facts["streams"]
        .as_array()
        .unwrap()
        .iter()
        .map(|s| s["codec_name"].as_str().unwrap())
        .collect();
    kinds.sort_unstable();
    assert_eq!(kinds, ["h264", "mp3"]);
    decode(&file);
    quiet(
        "ffmpeg",
        &["-nostdin", "-v", "error", "-xerror", "-i", file.to_str().unwrap(), "-f", "null", "-"],
    );
}

#[test]
fn renditions_survive_a_kill_and_a_cut_off_start() {
    let (mut gateway, _) = one_call(&[]);
    gateway.settled("one");
    gateway.kill();
    gateway.restart();
    let token = sign_in(&gateway, "default", "later", &["play.any"]);
    let path = format!("{API}/segments/segment-one");
    assert_eq!(ask_until_ready(&gateway, &token, &path).status, 200);
}
