//! Path tricks in ids, sent as they are: client libraries would tidy them up.

use super::problem;
use super::wire::Wire;
use crate::gateway::{Answer, Gateway, document, ids, sample};

fn tricks() -> Vec<String> {
    let mut tricks: Vec<String> = [
        "..",
        "..%2f",
        "..%2f..%2f..%2fetc%2fpasswd",
        "%2e%2e",
        "%2E%2E%2Foperator.token",
        "..%5c..%5cnode.key",
        "a%00b",
        "%00",
        "a%0d%0ab",
        "a%2fb",
        "%20",
    ]
    .map(str::to_owned)
    .to_vec();
    tricks.push("a".repeat(4096));
    tricks
}

fn call(gateway: &Gateway, method: &str, target: &str, body: &str) -> Answer {
    let length = format!("Content-Length: {}", body.len());
    let headers = ["Content-Type: application/json", length.as_str()];
    let mut wire = Wire::begin(gateway, method, target, &headers);
    wire.send(body.as_bytes());
    wire.answer()
}

fn names_below(gateway: &Gateway) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(gateway.folder.path())
        .unwrap()
        .chain(std::fs::read_dir(gateway.data()).unwrap())
        .chain(std::fs::read_dir(gateway.data().join("spool")).unwrap())
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| !name.contains("sqlite-"))
        .collect();
    names.sort();
    names
}

fn refused_by_ingest(method: &str, path: impl Fn(&str) -> String) {
    let gateway = Gateway::start(&[]);
    let document = document("wav_pcm16_8k_mono");
    gateway.declare(&document);
    let before = names_below(&gateway);
    for trick in tricks() {
        let answer = call(&gateway, method, &path(&trick), "");
        problem(&answer, 400, "id_invalid", "");
    }
    assert_eq!(names_below(&gateway), before);
    let (recording, media) = ids(&document);
    assert_eq!(gateway.push(&recording, &media, sample("wav_pcm16_8k_mono.wav")).status, 201);
    assert_eq!(gateway.settled(&recording)["state"], "ready");
}

#[test]
fn a_declared_recording_id_is_no_path() {
    refused_by_ingest("PUT", |id| format!("/ingest/v1/recordings/{id}"));
}

#[test]
fn an_asked_recording_id_is_no_path() {
    refused_by_ingest("GET", |id| format!("/ingest/v1/recordings/{id}"));
}

#[test]
fn the_recording_id_of_an_upload_is_no_path() {
    refused_by_ingest("PUT", |id| format!("/ingest/v1/recordings/{id}/media/a.wav"));
}

#[test]
fn the_media_id_of_an_upload_is_no_path() {
    let id = ids(&document("wav_pcm16_8k_mono")).0;
    refused_by_ingest("PUT", move |media| format!("/ingest/v1/recordings/{id}/media/{media}"));
}

#[test]
fn the_recording_id_of_masks_is_no_path() {
    refused_by_ingest("POST", |id| format!("/ingest/v1/recordings/{id}/masks"));
}

#[test]
fn the_recording_id_of_complete_is_no_path() {
    refused_by_ingest("POST", |id| format!("/ingest/v1/recordings/{id}/complete"));
}

#[test]
fn an_id_that_is_no_text_is_refused_like_any_other() {
    let gateway = Gateway::start(&[]);
    for (method, path) in [
        ("PUT", "/ingest/v1/recordings/%ff"),
        ("GET", "/ingest/v1/recordings/%ff"),
        ("PUT", "/ingest/v1/recordings/%ff/media/a.wav"),
        ("PUT", "/ingest/v1/recordings/a/media/%ff"),
        ("POST", "/ingest/v1/recordings/%ff/masks"),
        ("POST", "/ingest/v1/recordings/%ff/complete"),
    ] {
        problem(&call(&gateway, method, path, ""), 400, "id_invalid", "");
    }
    let path = "/internal-api/contact-centers/%ff/recordings";
    let answer = call(&gateway, "POST", path, "{}");
    assert_eq!((answer.status.as_u16(), answer.json()["statusCode"].as_u64()), (404, Some(6)));
}

#[test]
fn ids_of_a_document_are_no_paths() {
    let gateway = Gateway::start(&[]);
    let long = "a".repeat(4096);
    for trick in ["..", "../x", "a/b", "a\\b", "a\0b", ".hidden", "", long.as_str()] {
        let mut wrong = document("wav_pcm16_8k_mono");
        wrong["mediaFiles"][0]["mediaId"] = trick.into();
        let answer = gateway.declare(&wrong);
        problem(&answer, 422, "document_invalid", "mediaFiles[0].mediaId");
        let mut wrong = document("wav_pcm16_8k_mono");
        wrong["id"] = trick.into();
        let answer = gateway.call("PUT", "/ingest/v1/recordings/x", wrong.to_string());
        problem(&answer, 422, "document_invalid", "id");
    }
}

#[test]
fn ids_of_the_insertion_endpoint_are_no_paths() {
    let gateway = Gateway::start(&[]);
    for trick in tricks() {
        for (method, path) in [
            ("POST", format!("/internal-api/contact-centers/{trick}/recordings")),
            ("GET", format!("/api/v2/ops/contact-centers/{trick}/recordings/a")),
            ("GET", format!("/api/v2/ops/contact-centers/a/recordings/{trick}")),
        ] {
            let answer = call(&gateway, method, &path, "{}");
            assert_eq!(answer.status, 404, "{path}");
            assert_eq!(answer.json()["statusCode"], 6, "{path}");
        }
    }
}

#[test]
fn links_and_stored_objects_are_reached_by_no_path_trick() {
    let gateway = Gateway::start(&[]);
    let secret = gateway.token();
    for trick in tricks() {
        for prefix in ["/media/v1/", "/media/v1/a/", "/dav/store/", "/dav/store/default/", "/"] {
            let answer = call(&gateway, "GET", &format!("{prefix}{trick}"), "");
            assert!(answer.status.is_client_error(), "{prefix}{trick}: {}", answer.status);
            let text = String::from_utf8_lossy(&answer.body).into_owned();
            assert!(!text.contains(secret.trim_start_matches("Bearer ")), "{prefix}{trick}");
        }
    }
    for target in ["/dav/store/../operator.token", "/dav/store/%2e%2e/operator.token"] {
        let (user, password) = gateway.ops().split_once(':').map(own).unwrap();
        let address = gateway.url.strip_prefix("http://").unwrap().to_owned();
        let output = std::process::Command::new("curl")
            .args(["-s", "--path-as-is", "-u", &format!("{user}:{password}")])
            .arg(format!("http://{address}{target}"))
            .output()
            .expect("curl: apt-get install curl");
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(!text.contains(secret.trim_start_matches("Bearer ")), "{target}");
    }
}

fn own((a, b): (&str, &str)) -> (String, String) {
    (a.to_owned(), b.to_owned())
}
