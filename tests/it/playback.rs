//! Promise 6: a link gives one thing, for a time. The listener is curl.

use std::process::Command;

use reelgate::asset::Digest;

use crate::gateway::{Gateway, sample, send, wait};

/// What curl gets: status, head, body.
fn curl(arguments: &[&str]) -> (u16, String, Vec<u8>) {
    let folder = tempfile::tempdir().unwrap();
    let (head, body) = (folder.path().join("head"), folder.path().join("body"));
    let output = Command::new("curl")
        .args(["-s", "--path-as-is", "-w", "%{http_code}", "-D"])
        .arg(&head)
        .arg("-o")
        .arg(&body)
        .args(arguments)
        .output()
        .expect("curl: apt-get install curl");
    let status = String::from_utf8(output.stdout).unwrap();
    let head = std::fs::read_to_string(&head).unwrap_or_default();
    (status.parse().unwrap(), head, std::fs::read(&body).unwrap_or_default())
}

struct Ready {
    gateway: Gateway,
    play: String,
    download: String,
    /// The plaintext that a listener gets.
    clear: Vec<u8>,
}

/// A sealed asset with its links.
fn ready(mode: &[(&str, &str)], file: &str) -> Ready {
    let gateway = Gateway::start(mode);
    let (recording, _) = gateway.push_sample(file);
    let status = gateway.settled(&recording);
    let media = &status["media"][0];
    let play = media["playUrl"].as_str().expect("a play link").to_owned();
    let download = media["downloadUrl"].as_str().expect("a download link").to_owned();
    let clear = send("GET", &play, &[], "").body;
    assert_eq!(Digest::of(&clear).to_string(), media["sha256"].as_str().unwrap());
    Ready { gateway, play, download, clear }
}

fn ranges_are_exact(asset: &Ready) {
    let length = asset.clear.len();
    let last = length - 1;
    for (range, expected) in [
        ("0-0".to_owned(), 0..1),
        ("1-16".to_owned(), 1..17),
        ("15-17".to_owned(), 15..18),
        ("1000-".to_owned(), 1000..length),
        ("-17".to_owned(), length - 17..length),
        (format!("{last}-{}", last + 100), last..length),
        (
            format!("{}-{}", length / 2, length / 2 + 99_999),
            length / 2..length.min(length / 2 + 100_000),
        ),
    ] {
        let (status, head, body) = curl(&["-r", &range, &asset.play]);
        assert_eq!(status, 206, "{range}");
        assert!(body == asset.clear[expected.clone()], "{range} gives other bytes");
        let content_range =
            format!("content-range: bytes {}-{}/{length}", expected.start, expected.end - 1);
        assert!(head.to_lowercase().contains(&content_range), "{range}: {head}");
        assert!(head.to_lowercase().contains(&format!("content-length: {}", expected.len())));
    }
    assert_eq!(curl(&["-r", &format!("{length}-"), &asset.play]).0, 416);
    let (status, _, body) = curl(&["-H", "Range: bytes=0-1,5-6", &asset.play]);
    assert_eq!((status, body.len()), (200, length));
}

#[test]
fn ranges_of_sealed_assets_are_exact() {
    for mode in [vec![], vec![("SEAL__CIPHER", "aes-256-cbc")], vec![("SEAL__MODE", "none")]] {
        ranges_are_exact(&ready(&mode, "wav_pcm16_8k_stereo.wav"));
    }
}

#[test]
fn head_and_conditions_and_the_file_name() {
    let asset = ready(&[], "wav_pcm16_8k_mono.wav");
    let (status, head, _) = curl(&["-I", &asset.play]);
    let head = head.to_lowercase();
    assert_eq!(status, 200);
    for expected in [
        format!("content-length: {}", asset.clear.len()),
        "content-type: audio/wav".to_owned(),
        "accept-ranges: bytes".to_owned(),
        "cache-control: private, no-store".to_owned(),
    ] {
        assert!(head.contains(&expected), "{expected} is not in {head}");
    }
    let answer = send("GET", &asset.download, &[], "");
    let name = answer.header("content-disposition");
    let shape = name.starts_with("attachment; filename=\"CXone recording_")
        && name.contains("[UTC]_")
        && name.ends_with(".wav\"");
    assert!(shape, "{name}");
    assert!(send("GET", &asset.play, &[], "").header("content-disposition").starts_with("inline"));
    let etag = answer.header("etag").to_owned();
    let same = send("GET", &asset.play, &[("range", "bytes=0-9"), ("if-range", &etag)], "");
    assert_eq!((same.status.as_u16(), same.body.len()), (206, 10));
    let other = send("GET", &asset.play, &[("range", "bytes=0-9"), ("if-range", "\"x\"")], "");
    assert_eq!((other.status.as_u16(), other.body.len()), (200, asset.clear.len()));
    assert_eq!(send("POST", &asset.play, &[], "").status, 405);
}

#[test]
fn one_changed_character_anywhere_gives_403() {
    let asset = ready(&[], "wav_alaw_8k_mono.wav");
    let start = asset.play.find("/media/").unwrap();
    let mut statuses = Vec::new();
    for at in start + 1..asset.play.len() {
        let old = asset.play.as_bytes()[at];
        let new = if old == b'x' { 'y' } else { 'x' };
        let mut altered = asset.play.clone();
        altered.replace_range(at..=at, &new.to_string());
        let answer = send("GET", &altered, &[], "");
        assert!(answer.json()["internalCode"].is_string(), "{altered}");
        statuses.push((answer.status.as_u16(), altered));
    }
    let wrong: Vec<_> = statuses.iter().filter(|(status, _)| *status != 403).collect();
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(send("GET", &format!("{}x", asset.play), &[], "").status, 403);
    assert_eq!(send("GET", &asset.play, &[], "").status, 200);
}

#[test]
fn an_expired_link_gives_403() {
    // The sample lasts 1 s; a link lives max(life, duration).
    let asset = ready(&[("PLAY__LINK_LIFE_S", "2")], "wav_rf64_pcm16.wav");
    let code = wait("the expiry", || {
        let answer = send("GET", &asset.play, &[], "");
        (answer.status == 403).then(|| answer.json()["internalCode"].clone())
    });
    assert_eq!(code, "LINK_EXPIRED");
}

#[test]
fn a_changed_stored_object_is_never_played() {
    // Without what was verified before, so that the store is read.
    let asset = ready(&[("PLAY__CACHE_BYTES", "0")], "wav_pcm16_8k_mono.wav");
    change_stored(&asset);
    let (_, _, body) = curl(&[&asset.play]);
    let whole = body.len() == asset.clear.len();
    assert!(asset.clear.starts_with(&body) && !whole, "altered bytes were given out");
    assert!(asset.gateway.log().contains("Tampered"));
}

#[test]
fn what_was_verified_is_played_as_it_was_stored_whatever_the_store_has_now() {
    let asset = ready(&[], "wav_pcm16_8k_mono.wav");
    change_stored(&asset);
    let (status, _, body) = curl(&[&asset.play]);
    assert!(status == 200 && body == asset.clear);
}

/// Changes a bit in the middle of the stored object.
fn change_stored(asset: &Ready) {
    let store = asset.gateway.data().join("store");
    let object = Command::new("find").arg(&store).args(["-name", "*.p7m"]).output().unwrap();
    let object = String::from_utf8(object.stdout).unwrap();
    let mut bytes = std::fs::read(object.trim()).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(object.trim(), bytes).unwrap();
}

#[test]
fn an_mp3_without_masks_is_played_as_it_came() {
    let asset = ready(&[], "mp3_8k_32kbit_mono.mp3");
    assert!(asset.clear == sample("mp3_8k_32kbit_mono.mp3"));
    assert_eq!(send("GET", &asset.play, &[], "").header("content-type"), "audio/mpeg");
}
